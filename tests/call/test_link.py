"""One end of a connection on an event loop: bytes, time and back-pressure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from freestone.call.link import Link
from freestone.call.pulse import Pulse
from freestone.call.silence import period
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
    RequestEncoder,
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
        self.buffered = 0
        link.connection_made(self)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.writes.append(bytes(data))
        self.wrote.set()

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def fill(self, size: int) -> None:
        """Hold so many bytes, more than is the mark."""
        self.buffered = size
        self.link.pause_writing()

    def empty(self) -> None:
        """Hold nothing any more."""
        self.buffered = 0
        self.link.resume_writing()

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
        self.writables = 0
        self.doubts = 0

    def received(self, events: list[Event]) -> None:
        self.events += events

    def writable(self) -> None:
        self.writables += 1

    def silent(self) -> None:
        self.doubts += 1

    def ended(self, reason: str) -> None:
        self.reasons.append(reason)
        self.over.set()


def linked(side: Side, limits: Limits = LONG, *, greet: bool = True) -> tuple[Link, Pipe, Notes]:
    """Return a link that is connected, and greeted by its peer."""
    notes = Notes()
    pulse = Pulse(asyncio.get_running_loop(), period(limits))
    hello = Hello(application="academy", process="here", instance="2")
    link = Link(Connection(side, hello, limits), notes, pulse, reads_on=side is Side.CALLER)
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
    pipe.fill(2**20)
    pipe.writes.clear()
    link.wire.send_ping(b"12345678")
    link.send()
    await turn()
    assert pipe.writes == []
    pipe.empty()
    assert pipe.writes == [encode(Ping(b"12345678"))]
    link.abort("done")


@pytest.mark.parametrize(("side", "reads"), [(Side.CALLER, True), (Side.CALLEE, False)])
async def test_only_a_callee_stops_reading_when_it_cannot_write(side: Side, reads: bool) -> None:
    """A caller reads on: otherwise two sides could wait for each other."""
    link, pipe, _ = linked(side)
    pipe.fill(2**20)
    assert pipe.reading is reads
    pipe.empty()
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


REQUEST = Request(1, Header("a.b", 0, 0, None, "0" * 32, None), b"\x80")


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("calling", [True, False], ids=["calling", "idle"])
async def test_a_peer_that_is_cut_off_is_lost(side: Side, calling: bool) -> None:
    """At either end, with calls in flight or without."""
    link, _, notes = linked(side, Limits(ping=0.05, idle=0.2))
    if calling and side is Side.CALLEE:
        link.data_received(encode(REQUEST))
    elif calling:
        link.wire.send_request(RequestEncoder("a.b", command=False, credit=0), 1, b"0" * 32, b"\xc0\x80", b"\x80")
    assert await over(notes) == "nothing came for 0.2 s"


async def test_a_peer_that_does_not_answer_a_ping_is_in_doubt_before_it_is_lost() -> None:
    """Once, and not if it answers; so that calls can go elsewhere meanwhile."""
    link, pipe, notes = linked(Side.CALLEE, Limits(ping=0.04, idle=0.4))
    pipe.wrote.clear()
    await asyncio.wait_for(pipe.wrote.wait(), 5)
    assert pipe.writes[-1] == encode(Ping(bytes(8)))
    link.data_received(encode(Pong(bytes(8))))
    assert notes.doubts == 0
    assert await over(notes) == "nothing came for 0.4 s"
    assert notes.doubts == 1


async def test_the_owner_hears_when_a_peer_in_doubt_gives_a_sign_of_life() -> None:
    """Calls may go there again."""
    link, _, notes = linked(Side.CALLER, Limits(ping=0.04, idle=4))
    while not link.doubtful:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert (notes.doubts, notes.writables) == (1, 0)
    link.data_received(encode(Pong(bytes(8))))
    assert not link.doubtful
    while not notes.writables:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert (notes.doubts, notes.writables) == (1, 1)
    link.abort("done")


# --- large messages


LARGE = bytes(2**20)


def replying(limits: Limits = LONG) -> tuple[Link, Pipe, Notes]:
    """Return a callee's link with three calls in flight, on a network that takes nothing for now."""
    link, pipe, notes = linked(Side.CALLEE, limits)
    link.data_received(b"".join(encode(Request(number, REQUEST.header, b"\x80")) for number in (1, 2, 3)))
    pipe.writes.clear()
    return link, pipe, notes


async def test_a_large_message_is_written_a_little_in_each_turn() -> None:
    """Whatever else has to be done in this loop is done in between."""
    link, pipe, _ = replying()
    link.wire.send_reply(1, LARGE)
    link.send()
    for _ in range(200):
        await turn()
    assert sum(map(len, pipe.writes)) > len(LARGE)
    assert max(map(len, pipe.writes)) < 2**18
    assert not link.wire.large
    link.abort("done")


async def test_a_large_message_waits_while_the_network_is_full_and_a_small_one_does_not() -> None:
    """What is in the buffers below can't be overtaken, so little is put there."""
    link, pipe, _ = replying()
    link.wire.send_reply(1, LARGE)
    link.send()
    await turn()
    pipe.fill(100_000)
    pipe.writes.clear()
    for _ in range(5):
        await turn()
    assert pipe.writes == []
    assert not link.paused
    link.wire.send_reply(2, b"\x01")
    link.send()
    await turn()
    assert pipe.writes == [encode(Reply(2, b"\x01"))]
    pipe.empty()
    assert len(pipe.writes) == 2
    link.abort("done")


async def test_reading_goes_on_during_a_large_reply_and_stops_when_too_much_waits() -> None:
    """A peer that asks for more and more, and takes none of it, is not served without bound."""
    link, pipe, _ = replying(Limits(frame=2**20, message=2**20, unfinished=2**20))
    pipe.fill(100_000)
    link.wire.send_reply(1, bytes(2**20 - 100))
    link.flush()
    assert pipe.reading
    link.wire.send_reply(2, bytes(2**20 - 100))
    link.flush()
    assert not pipe.reading
    pipe.empty()
    for _ in range(200):
        await turn()
    assert pipe.reading
    link.abort("done")


async def test_the_owner_hears_when_a_large_message_is_sent() -> None:
    """It may have been waiting to send the next."""
    link, _, notes = replying()
    before = notes.writables
    link.wire.send_reply(1, LARGE)
    link.send()
    for _ in range(200):
        await turn()
    assert notes.writables == before + 1
    link.abort("done")
