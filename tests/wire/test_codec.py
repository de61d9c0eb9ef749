"""Every frame and its bytes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.wire import (
    Cancel,
    Chunk,
    Credit,
    End,
    Error,
    Frame,
    FrameType,
    Goodbye,
    Header,
    Hello,
    Item,
    Ping,
    Pong,
    Reason,
    Reply,
    Request,
    RequestEncoder,
    WireError,
    decode,
    encode,
    request_tail,
)

CALL_IDS = st.integers(1, 2**32 - 1)
TRACES = st.text("0123456789abcdef", min_size=32, max_size=32)
IDENTITIES = st.none() | st.tuples(st.text(), st.lists(st.text(), max_size=4).map(tuple))
HELLOS = st.builds(
    Hello,
    versions=st.lists(st.integers(1, 99), min_size=1, max_size=4).map(tuple),
    application=st.text(),
    process=st.text(),
    instance=st.text(),
    services=st.dictionaries(st.text(), st.text(), max_size=4),
    max_frame=st.integers(1024, 2**32 - 1),
    max_calls=st.integers(1, 2**32 - 1),
    max_message=st.integers(1024, 2**63 - 1),
    max_unfinished=st.integers(1024, 2**63 - 1),
    compression=st.lists(st.text(), max_size=2).map(tuple),
)
HEADERS = st.builds(
    Header,
    operation=st.text(),
    kind=st.integers(0, 3),
    credit=st.integers(0, 2**31 - 1),
    remaining=st.none() | st.integers(0, 2**64 - 1),
    trace_id=TRACES,
    identity=IDENTITIES,
)
FRAMES: st.SearchStrategy[Frame] = st.one_of(
    HELLOS,
    st.builds(Request, call_id=CALL_IDS, header=HEADERS, arguments=st.binary()),
    st.builds(Reply, call_id=CALL_IDS, result=st.binary()),
    st.builds(
        Error,
        call_id=CALL_IDS,
        code=st.integers(1, 16),
        name=st.text(),
        message=st.text(),
        fields=st.binary(),
        trace_id=st.none() | TRACES,
        begun=st.booleans(),
    ),
    st.builds(Cancel, call_id=CALL_IDS),
    st.builds(Item, call_id=CALL_IDS, item=st.binary()),
    st.builds(End, call_id=CALL_IDS),
    st.builds(Credit, call_id=CALL_IDS, items=st.integers(1, 2**32 - 1)),
    st.builds(Chunk, call_id=CALL_IDS, piece=st.binary(min_size=1)),
    st.builds(Ping, data=st.binary(min_size=8, max_size=8)),
    st.builds(Pong, data=st.binary(min_size=8, max_size=8)),
    st.builds(
        Goodbye,
        reason=st.sampled_from(Reason),
        message=st.text(),
        last_call_id=st.integers(0, 2**32 - 1),
    ),
)


def parts(data: bytes) -> tuple[int, int, bytes]:
    """Take one whole frame apart by hand."""
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    return data[4], int.from_bytes(data[5:9], "big"), data[9:]


def frame_or_error(kind: int, call_id: int, payload: bytes) -> Frame | WireError:
    """Return what decoding comes to."""
    try:
        return decode(kind, call_id, payload)
    except WireError as error:
        return error


@given(FRAMES)
def test_a_frame_comes_back_as_it_was(frame: Frame) -> None:
    """What ``encode`` writes, ``decode`` reads as an equal record."""
    assert decode(*parts(encode(frame))) == frame


@given(st.integers(0, 255), st.integers(0, 2**32 - 1), st.binary(max_size=200))
def test_any_payload_is_a_frame_or_a_wire_error(kind: int, call_id: int, payload: bytes) -> None:
    """No bytes make ``decode`` fail in another way."""
    assert isinstance(frame_or_error(kind, call_id, payload), Frame | WireError)


@given(FRAMES, st.data())
def test_a_damaged_frame_is_a_frame_or_a_wire_error(frame: Frame, data: st.DataObject) -> None:
    """The same for bytes that are almost right."""
    kind, call_id, payload = parts(encode(frame))
    damaged = bytearray(payload)
    for _ in range(data.draw(st.integers(1, 4))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    assert isinstance(frame_or_error(kind, call_id, cut), Frame | WireError)


@given(
    st.text(min_size=1, max_size=60),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**31 - 1),
    CALL_IDS,
    st.none() | st.integers(0, 2**64 - 1),
    TRACES,
    IDENTITIES,
    st.binary(),
)
def test_the_short_way_to_a_request_makes_the_same_request(
    operation: str,
    command: bool,
    sends: bool,
    credit: int,
    call_id: int,
    remaining: int | None,
    trace: str,
    identity: tuple[str, tuple[str, ...]] | None,
    arguments: bytes,
) -> None:
    """RequestEncoder and ``encode`` may differ in bytes, and not in what is read from them."""
    encoder = RequestEncoder(operation, command=command, credit=credit, sends=sends)
    tail = request_tail() if identity is None else request_tail(*identity)
    data = encoder.encode(call_id, -1 if remaining is None else remaining, trace.encode(), tail, arguments)
    header = Header(operation, command + 2 * sends, credit, remaining, trace, identity)
    assert (header.command, header.sends) == (command, sends)
    assert decode(*parts(data)) == Request(call_id, header, arguments)


def test_a_header_that_is_too_long_is_refused_before_it_is_sent() -> None:
    """The length of a header has 16 bits."""
    encoder = RequestEncoder("a.b", command=False)
    with pytest.raises(ValueError, match="the header of the request has 70050 bytes; at most 65535 are possible"):
        encoder.encode(1, 0, b"0" * 32, b"\x00" * 70000, b"")


HEADER: tuple[Any, ...] = ("progress.complete", 1, 0, None, "0" * 32, None, {})


def request(*header: Any) -> bytes:
    """Return the payload of a REQUEST with that header and no arguments."""
    encoded = msgspec.msgpack.encode(header)
    return len(encoded).to_bytes(2, "big") + encoded


def nested(levels: int) -> bytes:
    """Return an array in an array in an array."""
    return b"\x91" * levels + b"\x00"


@pytest.mark.parametrize(
    ("kind", "call_id", "payload", "reason", "message"),
    [
        (0, 0, b"", Reason.MALFORMED, "0 is not a type of frame"),
        (13, 1, b"", Reason.MALFORMED, "13 is not a type of frame"),
        (FrameType.REPLY | 0x80, 1, b"", Reason.MALFORMED, "131 is not a type of frame"),
        (FrameType.CHUNK, 1, b"", Reason.MALFORMED, "CHUNK is empty"),
        (FrameType.PING, 7, b"12345678", Reason.MALFORMED, "PING belongs to no call, and has the call id 7"),
        (FrameType.REPLY, 0, b"\xc0", Reason.MALFORMED, "REPLY belongs to a call, and has the call id 0"),
        (FrameType.PING, 0, b"123", Reason.MALFORMED, "PING has a payload of 3 bytes; it has 8"),
        (FrameType.CANCEL, 1, b"x", Reason.MALFORMED, "CANCEL has a payload of 1 bytes; it has 0"),
        (FrameType.CREDIT, 1, b"\x00\x00\x00\x00", Reason.MALFORMED, "CREDIT grants nothing"),
        (FrameType.HELLO, 0, b"GET / HTTP/1.1", Reason.NOT_FREESTONE, "HELLO does not begin with the name"),
        (FrameType.HELLO, 0, b"freestone\x80", Reason.MALFORMED, "HELLO can't be read: .*`application`"),
        (FrameType.HELLO, 0, b"freestone" + nested(200), Reason.TOO_LARGE, "more than 100 levels"),
        (FrameType.REQUEST, 1, b"", Reason.MALFORMED, "REQUEST is shorter than its header"),
        (FrameType.REQUEST, 1, b"\xff\xff\x90", Reason.MALFORMED, "REQUEST is shorter than its header"),
        (FrameType.REQUEST, 1, request("a.b"), Reason.MALFORMED, "the header of REQUEST can't be read"),
        (FrameType.REQUEST, 1, request("a", 4, *HEADER[2:]), Reason.MALFORMED, "<= 3"),
        (FrameType.REQUEST, 1, request("a", 0, -1, *HEADER[3:]), Reason.MALFORMED, ">= 0"),
        (FrameType.REQUEST, 1, request(*HEADER[:4], "0" * 31, *HEADER[5:]), Reason.MALFORMED, "length >= 32"),
        (FrameType.ERROR, 1, b"\x91\x05", Reason.MALFORMED, "ERROR can't be read"),
        (FrameType.ERROR, 1, b"\xc1", Reason.MALFORMED, "0xc1 is not a tag of MessagePack"),
        (FrameType.GOODBYE, 0, nested(101), Reason.TOO_LARGE, "more than 100 levels"),
    ],
)
def test_a_malformed_frame_says_what_is_wrong(
    kind: int, call_id: int, payload: bytes, reason: Reason, message: str
) -> None:
    """The sentence names the frame and the fault; the peer gets it in GOODBYE."""
    with pytest.raises(WireError, match=message) as caught:
        decode(kind, call_id, payload)
    assert caught.value.reason is reason


def test_a_later_version_may_add_elements_to_a_header() -> None:
    """Elements beyond the known are ignored, and so are keys of HELLO and of the extras."""
    frame = decode(FrameType.REQUEST, 1, request(*HEADER[:6], {"later": 1}, "more", [1]))
    assert isinstance(frame, Request)
    assert frame.header.operation == "progress.complete"
    hello = {"application": "a", "process": "b", "instance": "c", "later": [1]}
    assert isinstance(decode(FrameType.HELLO, 0, b"freestone" + msgspec.msgpack.encode(hello)), Hello)


def test_what_a_later_version_adds_is_not_nested_deeper_than_the_limit() -> None:
    """Ignored elements are walked without recursion, so that they can't overflow a stack."""
    deep = msgspec.Raw(nested(5000))
    for header in ((*HEADER[:6], {"later": deep}), (*HEADER, deep)):
        with pytest.raises(WireError, match="nested more than 100 levels") as caught:
            decode(FrameType.REQUEST, 1, request(*header))
        assert caught.value.reason is Reason.TOO_LARGE


def test_a_goodbye_for_a_reason_of_a_later_version_is_understood() -> None:
    """An unknown reason still ends the connection, with its sentence."""
    frame = decode(FrameType.GOODBYE, 0, msgspec.msgpack.encode((77, "tea time", 3)))
    assert frame == Goodbye(Reason.UNKNOWN, "tea time", 3)
