"""One end of a connection on an event loop: bytes, time and back-pressure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from freestone.call.link import Link
from freestone.wire import (
    Connection,
    Event,
    Goodbye,
    Header,
    Hello,
    Limits,
    Ping,
    Pong,
    Reason,
    Reply,
    Request,
    Side,
    State,
    encode,
)

HELLO = Hello(application="academy", process="other", instance="1")
SHORT = Limits(handshake=0.08, frame_time=0.08, ping=0.08, idle=0.3)
LONG = Limits()


class Pipe(asyncio.Transport):
    """A transport that notes what is done to it."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.link = link
        self.writes: list[bytes] = []
        self.reading = True
        self.closed = False
        self.wrote = asyncio.Event()
        link.connection_made(self)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.writes.append(bytes(data))
        self.wrote.set()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.link.connection_lost, None)

    abort = close

    @property
    def said(self) -> bytes:
        """Everything that was written."""
        return b"".join(self.writes)


class Notes:
    """A receiver that notes what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.reasons: list[str] = []
        self.over = asyncio.Event()

    def received(self, events: list[Event]) -> None:
        self.events += events

    def writable(self) -> None:
        pass

    def ended(self, reason: str) -> None:
        self.reasons.append(reason)
        self.over.set()


def linked(side: Side, limits: Limits = LONG, *, greet: bool = True) -> tuple[Link, Pipe, Notes]:
    """Return a link that is connected, and greeted by its peer."""
    notes = Notes()
    loop = asyncio.get_running_loop()
    hello = Hello(application="academy", process="here", instance="2")
    link = Link(Connection(side, hello, limits), notes, loop, reads_on=side is Side.CALLER)
    pipe = Pipe(link)
    if greet:
        link.data_received(encode(HELLO))
    return link, pipe, notes


async def turn() -> None:
    """Let the loop go round."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def over(notes: Notes) -> str:
    """Return why a link ended, when it has."""
    await asyncio.wait_for(notes.over.wait(), 5)
    return notes.reasons[0]


async def test_a_link_greets_at_once() -> None:
    """It does not wait for its peer, nor for the end of the turn."""
    link, pipe, _ = linked(Side.CALLER, greet=False)
    assert pipe.writes == [encode(link.wire.hello)]
    link.abort("done")


async def test_what_is_sent_in_one_turn_is_written_at_once() -> None:
    """A write costs more than the frames in it."""
    link, pipe, _ = linked(Side.CALLEE)
    pipe.writes.clear()
    for number in range(3):
        link.wire.send_ping(number.to_bytes(8, "big"))
        link.send()
    assert pipe.writes == []
    await turn()
    assert pipe.writes == [b"".join(encode(Ping(number.to_bytes(8, "big"))) for number in range(3))]
    link.abort("done")


async def test_an_answer_of_the_protocol_itself_is_written() -> None:
    """A PONG needs no owner."""
    link, pipe, _ = linked(Side.CALLEE)
    link.data_received(encode(Ping(b"12345678")))
    await turn()
    assert pipe.writes[-1] == encode(Pong(b"12345678"))
    link.abort("done")


async def test_a_paused_link_writes_nothing_until_it_may() -> None:
    """What is queued waits; it is written when the network takes it."""
    link, pipe, _ = linked(Side.CALLER)
    link.pause_writing()
    pipe.writes.clear()
    link.wire.send_ping(b"12345678")
    link.send()
    await turn()
    assert pipe.writes == []
    link.resume_writing()
    assert pipe.writes == [encode(Ping(b"12345678"))]
    link.abort("done")


@pytest.mark.parametrize(("side", "reads"), [(Side.CALLER, True), (Side.CALLEE, False)])
async def test_only_a_callee_stops_reading_when_it_cannot_write(side: Side, reads: bool) -> None:
    """A caller reads on: otherwise two sides could wait for each other."""
    link, pipe, _ = linked(side)
    link.pause_writing()
    assert pipe.reading is reads
    link.resume_writing()
    assert pipe.reading
    link.abort("done")


async def test_a_violation_ends_the_link_and_the_peer_is_told() -> None:
    """GOODBYE is written before the transport closes."""
    link, pipe, notes = linked(Side.CALLEE)
    link.data_received(encode(Reply(1, b"\xc0")))
    message = "REPLY came from the caller after the handshake"
    assert pipe.said.endswith(encode(Goodbye(Reason.OUT_OF_STATE, message, 0)))
    assert pipe.closed
    assert await over(notes) == f"the peer broke the protocol: {message}"
    await link.disconnected


async def test_a_peer_that_refuses_says_why() -> None:
    """Its sentence is the reason."""
    link, _, notes = linked(Side.CALLER, greet=False)
    link.data_received(encode(Goodbye(Reason.OTHER_APPLICATION, "this is the application 'shop'", 0)))
    assert await over(notes) == "the peer ended it: this is the application 'shop'"


async def test_the_end_is_told_once() -> None:
    """Whoever closes, and however often."""
    link, _, notes = linked(Side.CALLER)
    link.close("enough")
    link.close("again")
    link.abort("once more")
    await link.disconnected
    assert notes.reasons == ["enough"]
    link.data_received(encode(Pong(b"12345678")))
    assert notes.events == [HELLO]


async def test_a_lost_connection_says_how_it_was_lost() -> None:
    """The error of the network is part of the reason."""
    for error, reason in (
        (ConnectionResetError("reset by peer"), "the connection was lost: reset by peer"),
        (None, "the peer closed the connection"),
    ):
        link, _, notes = linked(Side.CALLER)
        link.connection_lost(error)
        assert await over(notes) == reason


def slow_handshake(link: Link) -> None:
    """Say nothing."""


def slow_frame(link: Link) -> None:
    """Begin a frame, and never end it, though bytes trickle in."""
    link.data_received(encode(HELLO))
    request = encode(Request(1, Header("a.b", 0, 0, None, "0" * 32, None), b"\x80"))
    loop = asyncio.get_running_loop()

    def trickle(at: int) -> None:
        if not link.closing and at < len(request) - 1:
            link.data_received(request[at : at + 1])
            loop.call_later(0.01, trickle, at + 1)

    trickle(0)


def silence(link: Link) -> None:
    """Greet, and say nothing more."""
    link.data_received(encode(HELLO))


@pytest.mark.parametrize(
    ("peer", "reason", "message"),
    [
        (slow_handshake, Reason.TOO_SLOW, "the handshake took more than 0.08 s"),
        (slow_frame, Reason.TOO_SLOW, "a frame took more than 0.08 s"),
        (silence, Reason.SILENT, "nothing came for 0.3 s"),
    ],
)
async def test_a_peer_has_its_time_and_no_more(peer: Callable[[Link], None], reason: Reason, message: str) -> None:
    """It is told what took too long."""
    link, pipe, notes = linked(Side.CALLEE, SHORT, greet=False)
    peer(link)
    assert await over(notes) == message
    assert pipe.said.endswith(encode(Goodbye(reason, message, 0)))


async def test_a_silent_peer_is_asked_for_a_sign_of_life() -> None:
    """And lives on if it gives one."""
    link, pipe, notes = linked(Side.CALLER, SHORT)
    pongs = 0
    while pongs < 6:  # longer than the limit on silence
        pipe.wrote.clear()
        await asyncio.wait_for(pipe.wrote.wait(), 5)
        assert pipe.writes[-1] == encode(Ping(bytes(8)))
        link.data_received(encode(Pong(bytes(8))))
        pongs += 1
    assert notes.reasons == []
    assert link.wire.state is State.OPEN
    link.abort("done")


async def test_a_long_frame_may_take_long_in_pieces_that_each_are_whole() -> None:
    """The limit is for one frame, not for a busy connection that is always within one."""
    link, _, notes = linked(Side.CALLEE, SHORT)
    frame = encode(Pong(b"12345678"))
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def feed(left: int) -> None:
        link.data_received(frame[7:] + frame[:7])
        if left:
            loop.call_later(0.02, feed, left - 1)
        else:
            done.set_result(None)

    link.data_received(frame[:7])
    feed(12)
    await asyncio.wait_for(done, 5)
    assert notes.reasons == []
    link.abort("done")
