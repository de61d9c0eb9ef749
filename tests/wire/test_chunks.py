"""Large messages between two connections: in chunks, compressed, given up halfway, and over every limit."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.wire import (
    Cancel,
    Chunk,
    Connection,
    Credit,
    End,
    Error,
    Event,
    FrameType,
    Goodbye,
    Header,
    Hello,
    Item,
    Limits,
    Reason,
    Reply,
    Request,
    RequestEncoder,
    Side,
    State,
    Violation,
    encode,
    request_tail,
)
from freestone.wire.compression import compressor

TRACE = "0af7651916cd43dd8448eb211c80319c"
LARGE = bytes(range(256)) * 1000
TEXT = b"the same words, again and again; " * 10_000
MIB = 2**20
SMALL = {"frame": 2**16, "message": 2**18, "unfinished": 2**19}


def pair(caller: dict[str, Any] | None = None, callee: dict[str, Any] | None = None) -> tuple[Connection, Connection]:
    """Return two connections that have greeted each other, with these limits."""
    here = Connection(Side.CALLER, Hello(application="a", process="here", instance="1"), Limits(**(caller or {})))
    there = Connection(Side.CALLEE, Hello(application="a", process="there", instance="2"), Limits(**(callee or {})))
    here.start()
    there.start()
    there.receive_data(here.data_to_send())
    here.receive_data(there.data_to_send())
    return here, there


def opened(it: Connection, arguments: bytes = b"\x80", **options: Any) -> int:
    """Open a call."""
    encoder = RequestEncoder("a.b", command=False, **options)
    return it.send_request(encoder, -1, TRACE.encode(), request_tail(), arguments)


def said(it: Connection) -> bytes:
    """Return everything that one side has to say."""
    data = it.data_to_send()
    while it.large:
        data += it.chunks_to_send(2**16)
    return data


def through(sender: Connection, receiver: Connection) -> list[Event]:
    """Carry everything over, and return what it means there."""
    return receiver.receive_data(said(sender))


def noise(size: int) -> bytes:
    """Return bytes that can't be compressed."""
    return random.Random(7).randbytes(size)


def broken(it: Connection, data: bytes) -> Violation:
    """Return the violation that bytes lead to."""
    violation = it.receive_data(data)[-1]
    assert isinstance(violation, Violation)
    return violation


def squeezed(kind: FrameType, call_id: int, payload: bytes) -> bytes:
    """Return the frame of a compressed message."""
    made = compressor()
    packed = made.compress(payload) + made.flush()
    return (5 + len(packed)).to_bytes(4, "big") + bytes((kind | 0x80,)) + call_id.to_bytes(4, "big") + packed


@pytest.mark.parametrize("compress", [None, 1000])
def test_every_kind_of_message_may_be_large(compress: int | None) -> None:
    """A request, an item each way, a reply and an error arrive as they were, and nothing is left behind."""
    limits = {"compress": compress}
    here, there = pair(limits, limits)
    data = TEXT if compress else LARGE
    opened(here, data, sends=True)
    opened(here, data, credit=5)
    requests = through(here, there)
    assert [(it.call_id, it.arguments) for it in requests if isinstance(it, Request)] == [(1, data), (2, data)]
    there.send_credit(1, 2)
    through(there, here)
    here.send_item(1, data)
    here.send_item(1, b"\x01")
    here.send_end(1)
    assert through(here, there) == [Item(1, data), Item(1, b"\x01"), End(1)]
    there.send_item(2, data)
    there.send_item(2, b"\x01")
    error = Error(2, 13, "Internal", TEXT.decode(), b"\x80", None, begun=True)
    there.send_error(error)
    there.send_reply(1, data)
    assert sorted(through(there, here), key=repr) == sorted(
        [Reply(1, data), Item(2, data), Item(2, b"\x01"), error], key=repr
    )
    assert here.in_flight == there.in_flight == here.waiting == there.waiting == 0
    assert not here._unfinished.calls
    assert not there._unfinished.calls


def test_what_is_small_overtakes_what_is_large() -> None:
    """The frames of other calls go first, however much of the large message is left."""
    here, there = pair()
    opened(here)
    opened(here)
    through(here, there)
    there.send_reply(1, LARGE)
    here.receive_data(there.data_to_send() + there.chunks_to_send(2**16))
    there.send_reply(2, b"\x01")
    assert here.receive_data(there.data_to_send() + there.chunks_to_send(2**16)) == [Reply(2, b"\x01")]
    assert through(there, here) == [Reply(1, LARGE)]


def test_a_request_that_is_under_way_counts_and_may_be_overtaken() -> None:
    """A call with a greater id may be complete before it; a goodbye does not cut it off."""
    here, there = pair()
    opened(here, LARGE)
    there.receive_data(here.data_to_send() + here.chunks_to_send(2**16))
    assert there.in_flight == 1
    opened(here)
    assert [type(it) for it in there.receive_data(here.data_to_send())] == [Request]
    there.send_goodbye("restarting")
    goodbye = here.receive_data(there.data_to_send())
    assert goodbye == [Goodbye(Reason.DRAINING, "restarting", 2)]
    (request,) = through(here, there)
    assert isinstance(request, Request)
    assert (request.call_id, request.arguments) == (1, LARGE)


def test_a_request_in_chunks_that_crossed_the_goodbye_is_dropped() -> None:
    """The caller knows by the goodbye that it was not begun, and stops."""
    here, there = pair()
    there.send_goodbye("restarting")
    opened(here, LARGE)
    assert there.receive_data(here.data_to_send() + here.chunks_to_send(2**16)) == []
    assert not there._unfinished.calls
    events = here.receive_data(there.data_to_send())
    assert isinstance(events[1], Error)
    assert not events[1].begun
    assert not here.large
    # A caller that has not heard the goodbye yet goes on, or gives up, and that is no violation.
    assert there.receive_data(encode(Chunk(1, b"x")) + encode(Chunk(2, b"x")) + encode(Cancel(2))) == []
    assert there.state is State.DRAINING


def test_a_request_that_is_given_up_halfway_is_answered_as_not_begun() -> None:
    """The rest is not sent, and both sides count the same again."""
    here, there = pair()
    opened(here, LARGE)
    there.receive_data(here.data_to_send() + here.chunks_to_send(2**16))
    here.send_cancel(1)
    assert not here.large
    assert through(here, there) == []
    assert there.in_flight == 0
    assert here.in_flight == 1
    assert through(there, here) == []
    assert here.in_flight == 0


def test_a_reply_that_is_given_up_halfway_is_cut_short() -> None:
    """The rest is not sent; an error takes its place."""
    here, there = pair()
    opened(here)
    through(here, there)
    there.send_reply(1, LARGE)
    here.receive_data(there.data_to_send() + there.chunks_to_send(2**16))
    here.send_cancel(1)
    assert not here._unfinished.calls
    assert through(here, there) == []
    assert not there.large
    assert through(there, here) == []
    assert here.in_flight == 0
    assert here.state is State.OPEN


def test_a_large_reply_to_a_call_that_was_cancelled_is_not_sent_at_all() -> None:
    """Nobody waits for it."""
    here, there = pair()
    opened(here)
    here.send_cancel(1)
    through(here, there)
    there.send_reply(1, LARGE)
    assert len(said(there)) < 100


def test_the_end_of_one_side_cuts_nothing_off_the_other() -> None:
    """Both directions are independent."""
    here, there = pair()
    opened(here, sends=True, credit=3)
    through(here, there)
    there.send_item(1, LARGE)
    here.receive_data(there.chunks_to_send(2**16))
    here.send_end(1)
    assert through(here, there) == [End(1)]
    assert through(there, here) == [Item(1, LARGE)]


def test_items_that_crossed_the_answer_are_ignored() -> None:
    """The callee need not take everything; what was under way is dropped, in chunks too."""
    here, there = pair()
    opened(here, sends=True)
    through(here, there)
    there.send_credit(1, 9)
    through(there, here)
    here.send_item(1, LARGE)
    there.receive_data(here.chunks_to_send(2**16))
    there.send_reply(1, b"\x01")
    assert not there._unfinished.calls
    assert there.receive_data(here.chunks_to_send(2**16)) == []
    assert through(there, here) == [Reply(1, b"\x01")]
    assert not here.large
    late = encode(Chunk(1, b"x")) + encode(Item(1, b"\x01")) + encode(End(1)) + encode(Cancel(1)) + encode(Credit(1, 1))
    assert there.receive_data(late) == []
    assert there.state is State.OPEN


def test_a_message_over_the_limit_ends_the_connection() -> None:
    """However it is cut."""
    _, there = pair(None, SMALL)
    chunks = encode(Chunk(1, bytes(2**15))) * 9
    assert broken(there, chunks) == Violation(
        Reason.TOO_LARGE, "a message has more than 262144 bytes, which is the limit"
    )


def test_messages_that_are_unfinished_have_a_limit_together() -> None:
    """What begins and never ends takes no more memory than that."""
    _, there = pair(None, SMALL)
    chunks = b"".join(encode(Chunk(number, bytes(2**15))) for number in range(1, 18))
    assert broken(there, chunks) == Violation(
        Reason.TOO_LARGE, "unfinished messages have 557056 bytes; the limit is 524288"
    )


def test_unfinished_messages_may_have_just_what_the_limit_says() -> None:
    """Their first bytes not counted: a sender that keeps to it is not cut off."""
    _, there = pair(None, SMALL)
    chunks = b"".join(encode(Chunk(number, bytes(2**15))) for number in range(1, 17))
    assert there.receive_data(chunks + encode(Chunk(1, bytes(16)))) == []
    assert broken(there, encode(Chunk(1, b"x"))) == Violation(
        Reason.TOO_LARGE, "unfinished messages have 524305 bytes; the limit is 524288"
    )


def test_messages_that_begin_and_do_not_end_are_a_flood() -> None:
    """However small they are."""
    _, there = pair(None, {"calls": 3})
    chunks = b"".join(encode(Chunk(number, b"x")) for number in range(1, 5))
    assert broken(there, chunks) == Violation(Reason.FLOOD, "3 messages have begun, and none of them has ended")


def test_a_sender_keeps_the_limits_that_it_was_told() -> None:
    """Many large messages at once are no violation: some of them wait."""
    here, there = pair(None, SMALL)
    for _ in range(6):
        opened(here, bytes(2**18 - 200))
    assert [type(it) for it in through(here, there)] == [Request] * 6


@pytest.mark.parametrize("compress", [None, 1000])
def test_requests_that_wait_leave_room_for_those_that_go(compress: int | None) -> None:
    """The peer hears of all at once, and a message may fill all that it keeps, but for its last byte."""
    pieces = 3 * (2**16 - 5) + 1
    message = len(RequestEncoder("a.b", command=False).encode(1, -1, TRACE.encode(), request_tail(), b"")) - 9 + pieces
    limits = {"frame": 2**16, "message": message, "unfinished": message, "compress": compress}
    here, there = pair({"compress": compress}, limits)
    for _ in range(20):
        opened(here, (TEXT * 2)[:pieces])
    assert [type(it) for it in through(here, there)] == [Request] * 20


@pytest.mark.parametrize(
    ("before", "frame", "message"),
    [
        ([], Chunk(9, b"x"), "CHUNK came for the call 9, which is not open"),
        ([Reply(1, b"\x01")], Chunk(1, b"x"), "CHUNK came for the call 1, which is not open"),
        ([Chunk(2, b"x")], End(2), "END came for the call 2 amid an item"),
    ],
)
def test_a_callee_that_sends_pieces_of_nothing_breaks_the_protocol(before: list[Any], frame: Any, message: str) -> None:
    """Pieces belong to a message that its sender is free to send."""
    here, there = pair()
    opened(here)
    opened(here, credit=3)
    through(here, there)
    here.receive_data(b"".join(map(encode, before)))
    assert broken(here, encode(frame)) == Violation(Reason.OUT_OF_STATE, message)


def test_a_caller_sends_pieces_only_where_it_may_send_items() -> None:
    """A unary call has said all with its request."""
    here, there = pair()
    opened(here)
    through(here, there)
    assert broken(there, encode(Chunk(1, b"x"))) == Violation(
        Reason.OUT_OF_STATE, "CHUNK came for the call 1, which is unary"
    )
    here, there = pair()
    here.send_goodbye("done")
    through(here, there)
    assert broken(there, encode(Chunk(1, b"x"))) == Violation(Reason.OUT_OF_STATE, "CHUNK came after GOODBYE")


# --- compression


def test_a_message_is_compressed_if_both_sides_say_so_and_it_pays() -> None:
    """Neither what is small, nor what is compressed already."""
    for caller, callee, data, smaller in (
        (1000, 5000, TEXT, True),
        (1000, None, TEXT, False),
        (None, 1000, TEXT, False),
        (10**6, 1000, TEXT, False),
        (1000, 1000, noise(300_000), False),
        (1000, 1000, noise(3000), False),
        (1000, 1000, TEXT[:2000], True),
    ):
        here, there = pair({"compress": caller}, {"compress": callee})
        opened(here, data)
        sent = said(here)
        assert (len(sent) < len(data) / 4) is smaller
        (request,) = there.receive_data(sent)
        assert isinstance(request, Request)
        assert request.arguments == data


@pytest.mark.parametrize(("size", "kind"), [(999, FrameType.REPLY), (1000, FrameType.REPLY | 0x80)])
def test_a_message_is_compressed_from_just_the_size_on_that_was_set(size: int, kind: int) -> None:
    """What is one byte shorter goes as it is."""
    here, there = pair({"compress": 1000}, {"compress": 1000})
    opened(here)
    through(here, there)
    there.send_reply(1, TEXT[:size])
    sent = said(there)
    assert sent[4] == kind
    assert here.receive_data(sent) == [Reply(1, TEXT[:size])]


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    """A few bytes that stand for a gigabyte take no more memory than a message may have."""
    _, there = pair({"compress": 1}, {**SMALL, "compress": 1})
    bomb = squeezed(FrameType.REQUEST, 1, bytes(2**24))
    assert len(bomb) < 2000
    assert broken(there, bomb) == Violation(
        Reason.TOO_LARGE, "a message has more than 262144 bytes, which is the limit"
    )


HEADER = Header("a.b", 0, 0, None, TRACE, None)
REQUEST = encode(Request(1, HEADER, b"\x80" + bytes(500)))[9:]
PART = b"\x00\x00\x00\x12" + squeezed(FrameType.CHUNK, 1, REQUEST)[4:22]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (squeezed(FrameType.REQUEST, 1, REQUEST)[:9] + b"nonsense, no zstd", "a message can't be decompressed: "),
        (squeezed(FrameType.REQUEST, 0, REQUEST), "a compressed frame belongs to a call, and has the call id 0"),
        (PART + encode(Request(1, HEADER, b"")), "is compressed in part"),
        (encode(Chunk(1, b"x")) + squeezed(FrameType.REQUEST, 1, REQUEST), "is compressed in part"),
        (squeezed(FrameType.PING, 0, bytes(8)), "137 is not a type of frame"),
        (b"\x00\x00\x00\x05\x8c\x00\x00\x00\x01", "CHUNK is empty"),
    ],
)
def test_what_is_no_compressed_message_is_malformed(data: bytes, message: str) -> None:
    """The sentence says why."""
    _, there = pair({"compress": 1}, {"compress": 1})
    length = len(data) - 4 if data[9:10] == b"n" else int.from_bytes(data[:4], "big")
    violation = broken(there, length.to_bytes(4, "big") + data[4:])
    assert violation.reason is Reason.MALFORMED
    assert message in violation.message


@pytest.mark.parametrize("flag", [0, 0x80])
def test_the_frame_that_ends_a_message_may_be_empty(flag: int) -> None:
    """All of it was in the chunks."""
    _, there = pair({"compress": 1}, {"compress": 1})
    chunk = squeezed(FrameType.CHUNK, 1, REQUEST) if flag else encode(Chunk(1, REQUEST))
    end = b"\x00\x00\x00\x05" + bytes((FrameType.REQUEST | flag,)) + b"\x00\x00\x00\x01"
    assert there.receive_data(chunk + end) == [Request(1, HEADER, b"\x80" + bytes(500))]
    assert not there._unfinished.calls


def test_a_compressed_message_must_be_whole() -> None:
    """One that ends early, or goes on behind its end, is malformed."""
    whole = squeezed(FrameType.REQUEST, 1, REQUEST)
    for packed, message in ((whole[9:-4], "ends early"), (whole[9:] + b"more", "bytes follow the end")):
        _, there = pair({"compress": 1}, {"compress": 1})
        violation = broken(there, (5 + len(packed)).to_bytes(4, "big") + whole[4:9] + packed)
        assert violation.reason is Reason.MALFORMED
        assert message in violation.message


def test_a_compressed_frame_is_unknown_where_nobody_agreed_on_it() -> None:
    """A receiver that has not said ``zstd`` has no decompressor ready."""
    _, there = pair()
    assert broken(there, squeezed(FrameType.REQUEST, 1, REQUEST)).message == "130 is not a type of frame"


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.booleans()), min_size=1, max_size=6),
    st.sampled_from([None, 100]),
    st.integers(1024, 2048),
    st.lists(st.integers(1, 700), min_size=1, max_size=30),
)
def test_any_cut_gives_the_same_messages(
    requests: list[tuple[int, bool]], compress: int | None, frame: int, cuts: list[int]
) -> None:
    """Whatever the sizes of messages, of the peer's frames and of the network's pieces, they arrive as they were."""
    here, there = pair({"compress": compress}, {"compress": compress})
    here._outflow._cut = frame - 5
    here._outbound._whole = min(here._outbound._whole, frame - 5)
    here._plain = min(here._plain, frame)
    sent = []
    for number, (size, text) in enumerate(requests):
        arguments = (b"%d words " % number * size)[:size] if text else noise(size)
        sent.append((opened(here, arguments), arguments))
    data, events = said(here), []
    while data:
        cut = cuts[len(events) % len(cuts)]
        piece, data = data[:cut], data[cut:]
        events += there.receive_data(piece)
        cuts = cuts[1:] + cuts[:1]
    came = [(it.call_id, it.arguments) for it in events if isinstance(it, Request)]
    assert sorted(came) == sent
