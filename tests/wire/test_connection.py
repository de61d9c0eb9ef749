"""One end of a connection: what it accepts, answers and refuses."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.errors import Code
from freestone.wire import (
    Cancel,
    Chunk,
    Connection,
    Credit,
    End,
    Error,
    Event,
    FrameTooLarge,
    FrameType,
    Goodbye,
    Header,
    Hello,
    Item,
    Limits,
    Ping,
    Pong,
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

TRACE = "0af7651916cd43dd8448eb211c80319c"
UNARY = RequestEncoder("catalog.path", command=False)
STREAM = RequestEncoder("catalog.watch", command=False, credit=2)


def hello(**values: Any) -> Hello:
    """Return a greeting of the application under test."""
    return Hello(**{"application": "academy", "process": "edge", "instance": "1", **values})


def connection(side: Side, **limits: Any) -> Connection:
    """Return one end that has started."""
    it = Connection(side, hello(), Limits(**limits))
    it.start()
    return it


def greeted(side: Side, **limits: Any) -> Connection:
    """Return one end whose handshake with a stranger is done."""
    it = connection(side, **limits)
    assert it.receive_data(encode(hello(process="other"))) == [hello(process="other")]
    assert it.data_to_send().startswith(encode(it.hello))
    return it


def opened(it: Connection, encoder: RequestEncoder = UNARY) -> int:
    """Open a call."""
    return it.send_request(encoder, 1_000_000, TRACE.encode(), request_tail(), b"\x80")


def request(call_id: int, credit: int = 0, kind: int = 0) -> bytes:
    """Return the bytes that open a call."""
    return encode(Request(call_id, Header("catalog.path", kind, credit, None, TRACE, None), b"\x80"))


def refused(it: Connection, data: bytes, reason: Reason, message: str) -> None:
    """Require that the bytes close the connection, with a GOODBYE that says why."""
    events = it.receive_data(data)
    assert events[-1] == Violation(reason, message)
    assert it.state is State.CLOSED
    assert encode(Goodbye(reason, message, it._calls.last_id if it._side is Side.CALLEE else 0)) in it.data_to_send()
    assert it.receive_data(b"anything") == []


# --- the handshake


def test_both_sides_greet_at_once_and_then_are_open() -> None:
    """Neither waits for the other's HELLO to send its own."""
    here, there = connection(Side.CALLER), connection(Side.CALLEE)
    assert here.state is there.state is State.GREETING
    assert there.receive_data(here.data_to_send()) == [here.hello]
    assert here.receive_data(there.data_to_send()) == [there.hello]
    assert here.state is there.state is State.OPEN
    assert here.peer == there.hello
    assert here.version == there.version == 2


def test_the_newest_common_version_is_spoken() -> None:
    """Each side lists what it speaks, and both come to the same choice."""
    it = Connection(Side.CALLEE, hello(versions=(1, 3, 4)))
    it.start()
    it.receive_data(encode(hello(versions=(2, 3, 1))))
    assert it.version == 3


def test_sides_without_a_common_version_part() -> None:
    """The sentence names both lists."""
    refused(
        connection(Side.CALLEE),
        encode(hello(versions=(8, 7))),
        Reason.NO_COMMON_VERSION,
        "this side speaks versions 1, 2 of the protocol, not versions 7, 8",
    )


def test_another_application_is_refused_by_name() -> None:
    """A process that is pointed at a wrong port learns whose it is."""
    refused(
        connection(Side.CALLEE),
        encode(hello(application="shop")),
        Reason.OTHER_APPLICATION,
        "one end is the application 'academy', the other is 'shop'",
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "the first frame would have 1195725856 bytes; HELLO has fewer"),
        (b"\x00\x00\x00\x01", "the first frame would have 1 bytes; HELLO has fewer"),
        (request(1), "the first frame has the type 2; HELLO is 1"),
        (encode(Ping(b"12345678")), "the first frame has the type 9; HELLO is 1"),
    ],
)
def test_a_stranger_is_told_at_its_first_bytes(data: bytes, message: str) -> None:
    """What does not begin with HELLO is no peer."""
    refused(connection(Side.CALLEE), data, Reason.NOT_FREESTONE, message)


def test_a_second_hello_is_out_of_state() -> None:
    """Nobody changes who it is."""
    refused(
        greeted(Side.CALLEE),
        encode(hello()),
        Reason.OUT_OF_STATE,
        "HELLO came from the caller after the handshake",
    )


def test_a_refusal_ends_the_handshake() -> None:
    """GOODBYE may come instead of HELLO."""
    it = connection(Side.CALLER)
    goodbye = Goodbye(Reason.OTHER_APPLICATION, "this is the application 'shop'", 0)
    assert it.receive_data(encode(goodbye)) == [goodbye]
    assert it.state is State.CLOSED


# --- calls


def test_a_call_is_answered_under_its_id() -> None:
    """Ids count up from one; a reply ends the call."""
    it = greeted(Side.CALLER)
    assert [opened(it), opened(it)] == [1, 2]
    assert it.in_flight == 2
    assert it.receive_data(encode(Reply(2, b"\x01"))) == [Reply(2, b"\x01")]
    error = Error(1, 5, "NotFound", "no such path", b"\x80", None, begun=True)
    assert it.receive_data(encode(error)) == [error]
    assert it.in_flight == 0


def test_the_answer_to_a_cancelled_call_is_dropped() -> None:
    """It counts as in flight until the callee has answered, and says nothing to the driver then."""
    it = greeted(Side.CALLER)
    opened(it)
    it.send_cancel(1)
    assert it.in_flight == 1
    assert it.receive_data(encode(Reply(1, b"\x01"))) == []
    assert it.in_flight == 0


def test_a_cancel_reaches_the_callee_once() -> None:
    """A CANCEL that crossed the reply is ignored."""
    it = greeted(Side.CALLEE)
    it.receive_data(request(1) + request(2))
    assert it.receive_data(encode(Cancel(1))) == [Cancel(1)]
    it.send_reply(1, b"\x01")
    it.send_reply(2, b"\x01")
    assert it.receive_data(encode(Cancel(2))) == []
    assert it.in_flight == 0


def test_a_call_over_the_limit_is_refused_and_the_connection_stays() -> None:
    """The service never hears of it, and the caller may send it elsewhere."""
    it = greeted(Side.CALLEE, calls=2)
    assert len(it.receive_data(request(1) + request(2) + request(3))) == 2
    message = "2 calls are in flight on this connection, which is its limit"
    refusal = Error(3, Code.RESOURCE_EXHAUSTED, "ResourceExhausted", message, b"\x80", None, begun=False)
    assert it.data_to_send() == encode(refusal)
    it.send_reply(1, b"\xc0")
    assert len(it.receive_data(request(4))) == 1


def test_a_caller_knows_when_the_peer_is_full() -> None:
    """``accepts`` keeps the limit that the peer told in HELLO."""
    it = connection(Side.CALLER)
    it.receive_data(encode(hello(max_calls=1)))
    assert it.accepts
    opened(it)
    assert not it.accepts


def test_call_ids_only_grow() -> None:
    """An id that was used is not used again."""
    it = greeted(Side.CALLEE)
    it.receive_data(request(5))
    refused(it, request(5), Reason.OUT_OF_STATE, "the call id 5 came after 5")


def test_a_connection_whose_ids_are_used_up_opens_no_more_calls() -> None:
    """The driver then opens another connection."""
    it = greeted(Side.CALLER)
    it._calls.last_id = 2**32 - 2
    assert it.accepts
    assert opened(it) == 2**32 - 1
    assert it.exhausted
    assert not it.accepts
    with pytest.raises(RuntimeError, match="no call can be opened"):
        opened(it)


@pytest.mark.parametrize("frame", [Reply(9, b"\xc0"), Item(9, b"\xc0"), End(9)])
def test_an_answer_to_a_call_that_was_not_opened_is_a_violation(frame: Reply | Item | End) -> None:
    """So is a second answer."""
    name = type(frame).__name__.upper()
    refused(
        greeted(Side.CALLER),
        encode(frame),
        Reason.OUT_OF_STATE,
        f"{name} came for the call 9, which was not opened",
    )


def test_the_caller_sends_no_answers() -> None:
    """Each frame belongs to one side."""
    refused(
        greeted(Side.CALLEE),
        encode(Reply(1, b"\xc0")),
        Reason.OUT_OF_STATE,
        "REPLY came from the caller after the handshake",
    )


# --- streams


def test_items_come_as_far_as_credit_goes() -> None:
    """The callee knows how many items it may send, and is given more."""
    it = greeted(Side.CALLEE)
    it.receive_data(request(1, credit=1))
    it.send_item(1, b"\x01")
    assert it.credit(1) == 0
    with pytest.raises(RuntimeError, match="the stream 1 has no credit left"):
        it.send_item(1, b"\x02")
    assert it.receive_data(encode(Credit(1, 3))) == [Credit(1, 3)]
    assert it.credit(1) == 3
    it.send_item(1, b"\x02")
    it.send_end(1)
    assert (it.credit(1), it.in_flight) == (0, 0)
    assert it.receive_data(encode(Credit(1, 3))) == []


def test_an_item_over_its_credit_is_a_violation() -> None:
    """The receiver's memory is the receiver's to give."""
    it = greeted(Side.CALLER)
    opened(it, STREAM)
    items = encode(Item(1, b"\x01")) * 2
    assert it.receive_data(items) == [Item(1, b"\x01")] * 2
    refused(it, encode(Item(1, b"\x01")), Reason.OVER_CREDIT, "an item of the stream 1 came that had not been granted")


def test_granting_more_items_lets_them_come() -> None:
    """CREDIT adds to what is left."""
    it = greeted(Side.CALLER)
    opened(it, STREAM)
    it.send_credit(1, 1)
    assert len(it.receive_data(encode(Item(1, b"\x01")) * 3 + encode(End(1)))) == 4


def test_items_of_a_cancelled_stream_are_dropped_and_still_counted() -> None:
    """They were under way; more than was granted can't have been."""
    it = greeted(Side.CALLER)
    opened(it, STREAM)
    it.send_cancel(1)
    assert it.receive_data(encode(Item(1, b"\x01")) * 2) == []
    assert it.receive_data(encode(Item(1, b"\x01")))[0].reason is Reason.OVER_CREDIT  # type: ignore[union-attr]


def test_credit_without_bound_is_a_violation() -> None:
    """A counter has an end."""
    it = greeted(Side.CALLEE)
    it.receive_data(request(1, credit=2**31 - 1))
    refused(it, encode(Credit(1, 1)), Reason.FLOOD, "the stream 1 was granted 2147483648 items")


def test_a_unary_call_takes_no_credit() -> None:
    """CREDIT is for streams."""
    it = greeted(Side.CALLEE)
    it.receive_data(request(1))
    refused(it, encode(Credit(1, 1)), Reason.OUT_OF_STATE, "CREDIT came for the call 1, which is unary")


@pytest.mark.parametrize("last", ["reply", "error", "end", "cancel", "failure"])
@pytest.mark.parametrize("side", Side)
def test_nothing_is_kept_of_a_call_that_has_ended(side: Side, last: str) -> None:
    """Neither its state nor its credit, however it ends: a connection lives for as long as its processes."""
    here, there = connection(Side.CALLER), connection(Side.CALLEE)
    there.receive_data(here.data_to_send())
    here.receive_data(there.data_to_send())
    opened(here, RequestEncoder("catalog.mend", command=True, credit=0 if last == "reply" else 2, sends=True))
    there.receive_data(here.data_to_send())
    there.send_credit(1, 2)
    here.receive_data(there.data_to_send())
    it = here if side is Side.CALLER else there
    assert it.allowance(1) == 2
    if last == "cancel":
        here.send_cancel(1)
        there.receive_data(here.data_to_send())
    if last == "reply":
        there.send_reply(1, b"\xc0")
    elif last == "end":
        there.send_end(1)
    elif last == "failure":
        it.fail(Reason.SILENT, "no sign of life")
    else:
        there.send_error(Error(1, 13, "Internal", "a bug", b"\x80", None, begun=True))
    here.receive_data(there.data_to_send())
    assert it._calls.states == it._calls.credit == it._calls.allowance == {}


def test_credit_that_crossed_the_callers_last_item_is_ignored() -> None:
    """There is nothing left to send, and nothing is kept of what might have been."""
    it = greeted(Side.CALLER)
    opened(it, RequestEncoder("catalog.mend", command=True, sends=True))
    assert it.receive_data(encode(Credit(1, 2))) == [Credit(1, 2)]
    it.send_end(1)
    assert it.receive_data(encode(Credit(1, 2))) == []
    assert it._calls.allowance == {}


# --- sizes


def test_a_frame_over_the_limit_is_refused_by_its_length_alone() -> None:
    """Four bytes suffice; nothing is kept for the rest."""
    it = greeted(Side.CALLEE, frame=100_000)
    refused(it, (100_001).to_bytes(4, "big"), Reason.TOO_LARGE, "a frame has 100001 bytes; the limit is 100000")


def test_a_frame_without_room_for_its_head_is_malformed() -> None:
    """A length counts type and call id."""
    refused(
        greeted(Side.CALLEE),
        b"\x00\x00\x00\x04",
        Reason.MALFORMED,
        "a frame of 4 bytes has no room for its head",
    )


@pytest.mark.parametrize("cut", [0, 4, 8])
def test_the_shortest_and_the_longest_frame_that_are_allowed_may_come_in_two_pieces(cut: int) -> None:
    """A length is judged by the same rule in a frame that is whole and in one that is not."""
    it = greeted(Side.CALLEE, hello=1024, frame=1024)
    it.receive_data(request(1, kind=2))
    shortest = encode(End(1))
    header = Header("catalog.path", 0, 0, None, TRACE, None)
    spare = 1028 - len(encode(Request(2, header, b"")))
    longest = encode(Request(2, header, bytes(spare)))
    assert (len(shortest), len(longest)) == (4 + 5, 4 + 1024)
    for frame, event in ((shortest, End(1)), (longest, Request(2, header, bytes(spare)))):
        assert it.receive_data(frame[:cut]) == []
        assert it.receive_data(frame[cut:]) == [event]


@pytest.mark.parametrize(
    ("peer", "limit"),
    [({"versions": (1,), "max_frame": 1024}, 1019), ({"max_message": 1024}, 1024)],
    ids=["version 1", "version 2"],
)
def test_what_the_peer_would_not_take_is_not_sent(peer: dict[str, Any], limit: int) -> None:
    """The limit that the peer told in HELLO is kept, and the call can still be answered with an error."""
    caller, callee = connection(Side.CALLER), connection(Side.CALLEE)
    for it in (caller, callee):
        it.receive_data(encode(hello(**peer)))
        it.data_to_send()
    with pytest.raises(FrameTooLarge, match=rf"the request has \d+ bytes; the limit is {limit}"):
        caller.send_request(UNARY, 1, TRACE.encode(), request_tail(), bytes(1000))
    assert caller.in_flight == 0
    assert caller.outgoing == []
    callee.receive_data(request(1) + request(2, credit=1))
    with pytest.raises(FrameTooLarge, match=f"the result has 1025 bytes; the limit is {limit}"):
        callee.send_reply(1, bytes(1025))
    with pytest.raises(FrameTooLarge, match=f"the item has 1025 bytes; the limit is {limit}"):
        callee.send_item(2, bytes(1025))
    with pytest.raises(FrameTooLarge, match="the error has"):
        callee.send_error(Error(1, 13, "Internal", "x" * 1020, b"\x80", None, begun=True))
    callee.send_error(Error(1, 13, "Internal", "the result is too large", b"\x80", None, begun=True))
    assert callee.in_flight == 1
    assert not callee.large


# --- signs of life, and leaving


def test_a_ping_is_answered_with_its_data() -> None:
    """The driver need not know."""
    it = greeted(Side.CALLEE)
    assert it.receive_data(encode(Ping(b"12345678"))) == []
    assert it.data_to_send() == encode(Pong(b"12345678"))


def test_pings_that_nobody_reads_the_answers_to_are_a_flood() -> None:
    """Answers are kept for as long as they can't be written, and so have a limit."""
    it = greeted(Side.CALLEE, pings=2)
    it.receive_data(encode(Ping(b"12345678")) * 2)
    it.data_to_send()
    it.receive_data(encode(Ping(b"12345678")) * 2)
    refused(it, encode(Ping(b"12345678")), Reason.FLOOD, "3 pings came before one could be answered")


def test_a_sign_of_life_can_be_asked_for() -> None:
    """The answer is an event."""
    it = greeted(Side.CALLER)
    it.send_ping(b"12345678")
    assert it.data_to_send() == encode(Ping(b"12345678"))
    assert it.receive_data(encode(Pong(b"12345678"))) == [Pong(b"12345678")]


def test_a_leaving_callee_answers_what_it_has_begun() -> None:
    """Calls that cross its GOODBYE are not begun; it need not answer them."""
    it = greeted(Side.CALLEE)
    it.receive_data(request(1))
    it.send_goodbye("restarting")
    assert it.state is State.DRAINING
    assert it.data_to_send() == encode(Goodbye(Reason.DRAINING, "restarting", 1))
    assert it.receive_data(request(2) + encode(Cancel(2))) == []
    it.send_reply(1, b"\xc0")
    assert it.in_flight == 0


def test_a_caller_gets_back_what_a_leaving_callee_has_not_begun() -> None:
    """They end as Unavailable and not begun, so that they may go elsewhere; a cancelled one ends in silence."""
    it = greeted(Side.CALLER)
    for _ in range(3):
        opened(it)
    it.send_cancel(3)
    goodbye = Goodbye(Reason.DRAINING, "restarting", 1)
    message = "the callee is leaving: restarting"
    assert it.receive_data(encode(goodbye)) == [
        goodbye,
        Error(2, Code.UNAVAILABLE, "Unavailable", message, b"\x80", None, begun=False),
    ]
    assert it.state is State.LEAVING
    assert not it.accepts
    assert it.receive_data(encode(Reply(1, b"\xc0"))) == [Reply(1, b"\xc0")]


def test_a_call_after_the_callers_own_goodbye_is_a_violation() -> None:
    """Who has said goodbye asks for nothing more."""
    it = greeted(Side.CALLEE)
    it.receive_data(encode(Goodbye(Reason.DRAINING, "done", 0)))
    refused(it, request(1), Reason.OUT_OF_STATE, "REQUEST came after GOODBYE")


def test_a_goodbye_with_an_error_ends_it_at_once() -> None:
    """What is in flight is lost."""
    it = greeted(Side.CALLER)
    opened(it)
    goodbye = Goodbye(Reason.MALFORMED, "REQUEST can't be read", 1)
    assert it.receive_data(encode(goodbye) + encode(Reply(1, b"\xc0"))) == [goodbye]
    assert it.state is State.CLOSED
    assert it.in_flight == 0


def test_the_driver_can_end_it_for_a_reason_of_its_own() -> None:
    """Time is the driver's."""
    it = greeted(Side.CALLEE)
    it.fail(Reason.TOO_SLOW, "a frame took more than 30 s")
    assert it.state is State.CLOSED
    assert it.data_to_send() == encode(Goodbye(Reason.TOO_SLOW, "a frame took more than 30 s", 0))
    it.fail(Reason.SILENT, "again")
    assert it.outgoing == []


def test_what_came_before_a_violation_counts() -> None:
    """Good frames in the same bytes are events."""
    it = greeted(Side.CALLER)
    opened(it)
    events = it.receive_data(encode(Reply(1, b"\x01")) + b"\x00\x00\x00\x00")
    assert events[0] == Reply(1, b"\x01")
    assert isinstance(events[1], Violation)


# --- pieces


@pytest.mark.parametrize("frame", [FrameType.REPLY, FrameType.END, FrameType.ITEM, FrameType.CREDIT])
def test_a_frame_that_this_side_may_not_send_is_its_own_bug(frame: FrameType) -> None:
    """It raises, and nothing is queued."""
    it = greeted(Side.CALLEE)
    send = {
        FrameType.REPLY: lambda: it.send_reply(1, b"\xc0"),
        FrameType.END: lambda: it.send_end(1),
        FrameType.ITEM: lambda: it.send_item(1, b"\xc0"),
        FrameType.CREDIT: lambda: it.send_credit(1, 1),
    }[frame]
    with pytest.raises(RuntimeError, match=f"{frame.name} can't be sent for the call 1, which is ended"):
        send()
    assert it.outgoing == []


def test_what_the_table_of_calls_does_not_allow_is_not_sent() -> None:
    """Neither what no such call has, nor what the peer would have ignored, had it crossed the end of the call."""
    callee, caller = greeted(Side.CALLEE), greeted(Side.CALLER)
    callee.receive_data(request(1))
    with pytest.raises(RuntimeError, match="ITEM can't be sent for the call 1, which is unary"):
        callee.send_item(1, b"\xc0")
    assert callee.in_flight == 1
    opened(caller)
    caller.receive_data(encode(Reply(1, b"\xc0")))
    caller.data_to_send()
    with pytest.raises(RuntimeError, match="CANCEL can't be sent for the call 1, which is ended"):
        caller.send_cancel(1)
    assert callee.outgoing == caller.outgoing == []


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut bytes at those places."""
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


def in_chunks(frame: bytes, size: int) -> bytes:
    """Return a frame in chunks whose pieces have that many bytes."""
    kind, call_id, payload = frame[4], int.from_bytes(frame[5:9], "big"), frame[9:]
    last = (len(payload) - 1) // size * size
    chunks = b"".join(encode(Chunk(call_id, payload[at : at + size])) for at in range(0, last, size))
    return chunks + (5 + len(payload) - last).to_bytes(4, "big") + bytes((kind,)) + frame[5:9] + payload[last:]


CALLER_SAYS = st.one_of(
    st.integers(0, 5).map(lambda n: encode(Cancel(n)) if n else b""),
    st.just(encode(Ping(b"12345678"))),
    st.tuples(st.integers(1, 5), st.integers(1, 9)).map(lambda it: encode(Credit(*it))),
    st.tuples(st.integers(1, 5), st.integers(0, 2), st.integers(0, 3)).map(lambda it: request(*it)),
    st.tuples(st.integers(1, 5), st.binary(min_size=1, max_size=9)).map(lambda it: encode(Chunk(*it))),
    st.tuples(st.integers(1, 5), st.binary(max_size=9)).map(lambda it: encode(Item(*it))),
    st.integers(1, 5).map(lambda call_id: encode(End(call_id))),
    st.tuples(st.integers(1, 5), st.integers(1, 40)).map(lambda it: in_chunks(request(it[0]), it[1])),
    st.binary(max_size=12),
)


@given(
    st.sampled_from([(1,), (1, 2), (1, 2, 9)]),
    st.lists(CALLER_SAYS, max_size=12),
    st.lists(st.integers(0, 10_000), max_size=20),
)
def test_any_chunking_gives_the_same_events(versions: tuple[int, ...], said: list[bytes], cuts: list[int]) -> None:
    """A network may cut bytes anywhere; what they mean does not change."""
    data = encode(hello(versions=versions)) + b"".join(said)
    whole, cut = connection(Side.CALLEE), connection(Side.CALLEE)
    events: list[Event] = []
    for piece in pieces(data, cuts):
        events += cut.receive_data(piece)
    assert whole.receive_data(data) == events
    assert whole.state is cut.state
    assert whole.mid_frame is cut.mid_frame
    assert whole.data_to_send() == cut.data_to_send()


@given(st.sampled_from(Side), st.booleans(), st.binary(max_size=400))
def test_any_bytes_are_events(side: Side, open_: bool, data: bytes) -> None:
    """Nothing that a peer sends makes a connection raise."""
    it = greeted(side) if open_ else connection(side)
    events = it.receive_data(data)
    assert (it.state is State.CLOSED) == any(isinstance(event, (Violation, Goodbye)) for event in events[-1:])
    assert not any(isinstance(event, Violation) for event in events[:-1])
