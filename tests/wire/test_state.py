"""The tables of what may be sent when, and that a connection keeps to them."""

from __future__ import annotations

import pytest

from freestone.wire import (
    CALL,
    CONNECTION,
    CallState,
    Cancel,
    Chunk,
    Connection,
    Credit,
    End,
    Error,
    Frame,
    FrameType,
    Goodbye,
    Header,
    Hello,
    Item,
    Move,
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

HELLO = Hello(application="academy", process="edge", instance="1")
BYE = Goodbye(Reason.DRAINING, "restarting", 1)
BY_CALLEE: dict[FrameType, Frame] = {
    FrameType.REPLY: Reply(1, b"\xc0"),
    FrameType.ERROR: Error(1, 5, "NotFound", "none", b"\x80", None, begun=True),
    FrameType.ITEM: Item(1, b"\xc0"),
    FrameType.END: End(1),
    FrameType.CREDIT: Credit(1, 1),
}
BY_CALLER: dict[FrameType, Frame] = {
    FrameType.CANCEL: Cancel(1),
    FrameType.CREDIT: Credit(1, 1),
    FrameType.ITEM: Item(1, b"\xc0"),
    FrameType.END: End(1),
}


def connection_in(state: State, side: Side) -> Connection:
    """Bring a connection into a state."""
    it = Connection(side, HELLO)
    if state is State.IDLE:
        return it
    it.start()
    if state is State.GREETING:
        return it
    it.receive_data(encode(HELLO))
    if state in (State.DRAINING, State.PARTING):
        it.send_goodbye("leaving")
    if state in (State.LEAVING, State.PARTING):
        it.receive_data(encode(BYE))
    if state is State.CLOSED:
        it.fail(Reason.SILENT, "silent")
    assert it.state is state
    return it


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("move", Move)
def test_a_connection_moves_as_the_table_says(state: State, move: Move, side: Side) -> None:
    """Every state with every move, those that the table leaves out included."""
    it = connection_in(state, side)
    after = CONNECTION.get((state, move))
    if move in (Move.SEND_HELLO, Move.SEND_GOODBYE):
        act = it.start if move is Move.SEND_HELLO else lambda: it.send_goodbye("leaving")
        if after is None:
            with pytest.raises(RuntimeError, match=f"{move.value} is not possible while the connection is"):
                act()
            after = state
        else:
            act()
    elif move is Move.FAIL:
        it.fail(Reason.SILENT, "silent")
    elif state is not State.IDLE:
        events = it.receive_data(encode(HELLO if move is Move.RECEIVE_HELLO else BYE))
        if after is None and state is not State.CLOSED:
            assert isinstance(events[-1], Violation | Goodbye)
            after = State.CLOSED
    assert it.state is (after or state)


def call_in(state: CallState, side: Side) -> Connection:
    """Bring call 1 of an open connection into a state; each side may send items as far as it sends any."""
    it = connection_in(State.OPEN, side)
    credit = 9 if state in (CallState.STREAM, CallState.STREAM_SENDING, CallState.STREAM_CANCELLED) else 0
    sends = state in (CallState.UNARY_SENDING, CallState.STREAM_SENDING)
    if side is Side.CALLER:
        encoder = RequestEncoder("catalog.path", command=False, credit=credit, sends=sends)
        it.send_request(encoder, 1, b"0" * 32, request_tail(), b"\x80")
        if sends:
            it.receive_data(encode(Credit(1, 9)))
    else:
        header = Header("catalog.path", 2 * sends, credit, None, "0" * 32, None)
        it.receive_data(encode(Request(1, header, b"\x80")))
        if sends:
            it.send_credit(1, 9)
    if state in (CallState.UNARY_CANCELLED, CallState.STREAM_CANCELLED):
        if side is Side.CALLER:
            it.send_cancel(1)
        else:
            it.receive_data(encode(Cancel(1)))
    if state is CallState.ENDED:
        if side is Side.CALLER:
            it.receive_data(encode(Reply(1, b"\xc0")))
        else:
            it.send_reply(1, b"\xc0")
    return it


@pytest.mark.parametrize(
    ("side", "other", "frames"), [(Side.CALLER, Side.CALLEE, BY_CALLEE), (Side.CALLEE, Side.CALLER, BY_CALLER)]
)
@pytest.mark.parametrize("state", CallState)
def test_a_call_moves_by_what_is_received_as_the_table_says(
    state: CallState, side: Side, other: Side, frames: dict[FrameType, Frame]
) -> None:
    """A frame that is not in the table closes the connection; one that is leads where it says."""
    for kind, frame in frames.items():
        it = call_in(state, side)
        events = it.receive_data(encode(frame))
        after = CALL.get((state, other, kind))
        if after is None:
            assert isinstance(events[-1], Violation), kind
            assert events[-1].reason is Reason.OUT_OF_STATE
        else:
            assert it.state is State.OPEN, kind
            assert it._states.get(1, CallState.ENDED) is after


@pytest.mark.parametrize(("side", "frames"), [(Side.CALLEE, BY_CALLEE), (Side.CALLER, BY_CALLER)])
@pytest.mark.parametrize("state", CallState)
def test_a_call_moves_by_what_is_sent_as_the_table_says(
    state: CallState, side: Side, frames: dict[FrameType, Frame]
) -> None:
    """Both ends keep the same table; what has ended is not sent for, even where it is ignored on arrival."""
    for kind in frames:
        it = call_in(state, side)
        send = {
            FrameType.REPLY: lambda it=it: it.send_reply(1, b"\xc0"),
            FrameType.ERROR: lambda it=it: it.send_error(BY_CALLEE[FrameType.ERROR]),
            FrameType.ITEM: lambda it=it: it.send_item(1, b"\xc0"),
            FrameType.END: lambda it=it: it.send_end(1),
            FrameType.CANCEL: lambda it=it: it.send_cancel(1),
            FrameType.CREDIT: lambda it=it: it.send_credit(1, 1),
        }[kind]
        after = CALL.get((state, side, kind))
        if after is None or state is CallState.ENDED:
            with pytest.raises(RuntimeError, match=f"{kind.name} can't be sent for the call 1, which is"):
                send()
        else:
            send()
            assert it._states.get(1, CallState.ENDED) is after


def test_from_every_state_a_connection_can_come_to_its_end() -> None:
    """No state is a trap."""
    assert {state for state, move in CONNECTION if move is Move.FAIL} == set(State) - {State.CLOSED}
    assert {state for (state, _, _), after in CALL.items() if after is CallState.ENDED} == set(CallState)


def test_in_version_1_a_caller_sends_no_items_and_nothing_comes_in_chunks() -> None:
    """What the older peer has no name for is a violation there, and is not sent to it."""
    old = Hello(application="academy", process="edge", instance="1", versions=(1,))
    for frame, name in ((Item(1, b"\xc0"), "ITEM"), (End(1), "END"), (Chunk(2, b"\xc0"), "CHUNK")):
        it = Connection(Side.CALLEE, HELLO)
        it.start()
        it.receive_data(encode(old))
        it.receive_data(encode(Request(1, Header("catalog.path", 0, 0, None, "0" * 32, None), b"\x80")))
        message = f"{name} came from the caller after the handshake"
        assert it.receive_data(encode(frame)) == [Violation(Reason.OUT_OF_STATE, message)]
    it = Connection(Side.CALLEE, HELLO)
    it.start()
    it.receive_data(encode(old))
    request = encode(Request(1, Header("catalog.path", 2, 0, None, "0" * 32, None), b"\x80"))
    assert it.receive_data(request) == [Violation(Reason.MALFORMED, "2 is not a kind of call in version 1")]
    it = Connection(Side.CALLER, HELLO)
    it.start()
    it.receive_data(encode(old))
    with pytest.raises(RuntimeError, match="a caller sends items from version 2 of the protocol on"):
        it.send_request(RequestEncoder("a.b", command=False, sends=True), 1, b"0" * 32, request_tail(), b"\x80")
