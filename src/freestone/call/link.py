"""One end of a connection of the wire, on an event loop.

The link moves bytes and minds the time; what they mean is the ``Connection``'s, and what to do about it the
receiver's. Three things make it fast: what is sent in one turn of the loop is written at once at the end of it; one
timer serves all limits on time of all connections; and events are handed on in one list.

A large message must not be in the way of a small one. Its chunks are written some in each turn of the loop, behind
whatever is small, and only while the transport and the system below it hold little that is not sent: what is in
their buffers can't be overtaken.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final, Protocol, cast, final

from freestone.wire import Connection, Event, Goodbye, Reason, State, Violation

from .eager import EARLY, PARTS, descriptor_of, write_now
from .identity import Certified
from .pulse import Pulse
from .silence import Sign, Silence

_FULL: Final = 64 * 1024
"""Bytes that the transport may hold before large messages wait, so that what is small need not wait behind them."""
_HIGH_WATER: Final = 256 * 1024
"""Bytes that the transport may hold before all writing pauses."""
_BURST: Final = 128 * 1024
"""Bytes of large messages that are written in one turn of the loop."""
_UNSENT: Final = 128 * 1024
"""Bytes that TCP may hold and has not sent yet."""
_UNREAD: Final = 256 * 1024
"""Bytes that TCP may hold and has not handed over yet; Linux doubles it, for its own bookkeeping."""


class Receiver(Protocol):
    """What a link hands its events to."""

    def received(self, events: list[Event]) -> None:
        """Act on what came."""
        ...

    def writable(self) -> None:
        """Go on writing, or stop if ``link.paused``: the network takes more again, or takes no more.

        Called too when a peer that was in doubt gives a sign of life.
        """
        ...

    def silent(self) -> None:
        """The peer is in doubt: asked for a sign of life, it has given none yet. It may be gone, or only busy."""
        ...

    def ended(self, reason: str) -> None:
        """The connection is over, for the reason that the sentence says. Called once, as the last."""
        ...


@final
class Link(asyncio.Protocol):
    """A protocol of asyncio around one ``Connection``.

    ``reads_on`` says whether reading goes on while writing is paused. A caller's must, or two sides could wait for
    each other; a callee's must not, or a peer that reads no replies could have it hold any number of them.
    """

    def __init__(self, wire: Connection, receiver: Receiver, pulse: Pulse, *, reads_on: bool) -> None:
        self.wire = wire
        self.certified: Certified | None = None
        """Who is at the other end, if it had to prove that."""
        self.paused = False
        """Whether the network takes no more for now."""
        self.closing = False
        """Whether nothing more is sent or received."""
        self.disconnected: asyncio.Future[None] = pulse.loop.create_future()
        """Done when nothing is left of the connection, what was still to be written included."""
        self._receiver: Receiver = receiver
        self._loop = pulse.loop
        self._pulse = pulse
        self._reads_on = reads_on
        self._transport: asyncio.Transport | None = None
        self._descriptor: int | None = None
        self.flushing = False
        """Whether what is queued is going to be written in any case."""
        self.burst = 0
        """Frames that were written together the last time."""
        self.gone = False
        """Whether there is nothing below any more."""
        self._full = False
        self._early = EARLY
        self._reading = True
        self._heard = False
        self._silence = Silence(wire.limits, first=reads_on)
        self._looks = 0  # in vain, for the end of the handshake, of a frame, or of it all
        self._frames = 0

    @property
    def doubtful(self) -> bool:
        """Whether the peer is in doubt, and has said nothing since the last look either."""
        return self._silence.doubted and not self._heard

    @property
    def transport(self) -> asyncio.Transport | None:
        """What it writes to, while it is connected."""
        return self._transport

    # --- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_FULL)
        self._descriptor = descriptor_of(transport)
        _hold_little(transport.get_extra_info("socket"))
        self.certified = transport.get_extra_info("certified")
        self._pulse.add(self)
        if self.closing:
            self._transport.close()
            return
        self.wire.start()
        self.flush()

    def data_received(self, data: bytes) -> None:
        if self.closing:
            return
        wire = self.wire
        self._heard = True
        events = wire.receive_data(data)
        if events:
            # What is sent while the events are acted on is written right after, without a turn of the loop.
            self.flushing = True
            self._receiver.received(events)
        self.flush()
        if wire.state is State.CLOSED:
            self.close(_why(events))

    def eof_received(self) -> None:
        """Let the transport close itself: half a connection is of no use."""

    def pause_writing(self) -> None:
        self._full = True
        self._look_at_buffer()

    def resume_writing(self) -> None:
        self._full = False
        self._heard = True  # the peer takes what is sent: it is alive
        paused, self.paused = self.paused, False
        self.flush()
        self._balance()
        if paused:
            self._receiver.writable()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = self.closing = True
        self._pulse.discard(self)
        self._transport = None
        if not self.disconnected.done():
            self.disconnected.set_result(None)
        self._end(f"the connection was lost: {exc}" if exc else "the peer closed the connection")

    # --- what its owner calls

    def send(self) -> None:
        """Write what the connection has queued, together with what is queued until the end of this turn; or a part of
        it before that, if it is much.
        """
        if not self.flushing:
            self.flushing = True
            self._loop.call_soon(self.flush)
        elif len(self.wire.outgoing) >= self._early:
            self._flush_early()

    def flush(self) -> None:
        """Write what the connection has queued, as far as the network takes it."""
        self.flushing = False
        if self.paused or self.closing or self._transport is None:
            return
        wire = self.wire
        if wire.outgoing:
            self._early = max(EARLY, wire.in_flight // PARTS)
            self.burst = len(wire.outgoing)
            self._transport.write(wire.data_to_send())
            if self._full:
                self._look_at_buffer()
        if wire.large:
            self._pump(self._transport)

    def fail(self, reason: Reason, message: str) -> None:
        """End the connection for that reason, and tell the peer."""
        self.wire.fail(reason, message)
        self.close(message)

    def close(self, reason: str) -> None:
        """Write what is queued, and close. Does nothing if it is closing."""
        if self.closing:
            return
        self.closing = True
        self._looks = 0
        if self._transport is not None:
            if self.wire.outgoing:
                self._transport.write(self.wire.data_to_send())
            self._transport.close()
        elif not self.disconnected.done():
            self.disconnected.set_result(None)
        self._end(reason)

    def abort(self, reason: str) -> None:
        """Close at once, whatever is queued."""
        self.closing = True
        if self._transport is not None:
            self._transport.abort()
        self._end(reason)

    # --- inside

    def _flush_early(self) -> None:
        """Write what there is in the middle of a turn, so that the peer need not wait for its end."""
        transport, descriptor = self._transport, self._descriptor
        if transport is None or descriptor is None or self.paused or self.closing or transport.get_write_buffer_size():
            return
        self.burst = len(self.wire.outgoing)
        write_now(transport, descriptor, self.wire.data_to_send())

    def _pump(self, transport: asyncio.Transport) -> None:
        """Write some of the large messages; the rest in later turns, when what is small has had its own."""
        wire, waiting = self.wire, self.wire.waiting
        if not self._full:
            data = wire.chunks_to_send(_BURST)
            if data:
                transport.write(data)
        if wire.large and not self._full:
            self.send()
        self._balance()
        if wire.waiting < waiting:  # one is sent to its end, and its call may have more
            self._receiver.writable()

    def _look_at_buffer(self) -> None:
        """Pause if the transport, which is full, holds too much for anything more."""
        if self.paused or self._transport is None or self._transport.get_write_buffer_size() <= _HIGH_WATER:
            return
        self.paused = True
        self._balance()
        self._receiver.writable()

    def _balance(self) -> None:
        """Read only as long as the answers can be written, if this is the side that answers."""
        reads = self._reads_on or not (self.paused or self.wire.waiting > self.wire.limits.unfinished)
        if reads is not self._reading and self._transport is not None and not self.closing:
            self._reading = reads
            if reads:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _end(self, reason: str) -> None:
        receiver, self._receiver = self._receiver, _NOBODY
        receiver.ended(reason)

    def look(self) -> None:
        """Look at everything that has a limit in time. The pulse has it do so."""
        heard, self._heard = self._heard, False
        if self.closing or self.wire.peer is None:
            if self._is_late(self.wire.limits.handshake):
                self._give_up()
            return
        sign = self._silence.look(heard)
        if sign is not None:
            self._act(sign)
        # What is not read is not late: then it is this side that keeps the frame from its end.
        if self.wire.mid_frame and self._reading and self._frames == self.wire.frames:
            if self._is_late(limit := self.wire.limits.frame_time):
                self.fail(Reason.TOO_SLOW, f"a frame took more than {limit:g} s")
        elif not self.closing:
            self._frames, self._looks = self.wire.frames, 0

    def _is_late(self, limit: float) -> bool:
        """Count one look in vain, and return whether they are too many."""
        self._looks += 1
        return self._looks * self._pulse.period > limit

    def _give_up(self) -> None:
        """End what does not begin, and what does not end."""
        if self.closing:
            self.abort("the peer did not read the end")
        else:
            limit = self.wire.limits.handshake
            self.fail(Reason.TOO_SLOW, f"the handshake took more than {limit:g} s")

    def _act(self, sign: Sign) -> None:
        """Ask the peer for a sign of life, doubt it, or end the connection."""
        if sign is Sign.ASK:
            self.wire.send_ping(bytes(8))
            self.flush()
        elif sign is Sign.DOUBT:
            self._receiver.silent()
        elif sign is Sign.BACK:
            self._receiver.writable()
        else:
            self.fail(Reason.SILENT, f"nothing came for {self.wire.limits.idle:g} s")


def _hold_little(sock: socket.socket | None) -> None:
    """Let the system keep little that was not sent, or not read: it would be in the way of what is more urgent.

    A Unix socket holds little by itself. TCP would hold megabytes at both ends.
    """
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    # Its receive buffer would grow with the speed of the sender, and with it the way of whatever comes behind.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UNREAD)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # not every system has it
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)


@final
class _Nobody:
    """Who receives after the end."""

    def received(self, events: list[Event]) -> None: ...

    def writable(self) -> None: ...

    def silent(self) -> None: ...

    def ended(self, reason: str) -> None: ...


_NOBODY: Final = _Nobody()


def _why(events: list[Event]) -> str:
    match events[-1:]:
        case [Violation(reason=Reason.OTHER_APPLICATION | Reason.NO_COMMON_VERSION, message=message)]:
            return f"the peers do not fit: {message}"
        case [Violation(message=message)]:
            return f"the peer broke the protocol: {message}"
        case [Goodbye(message=message)]:
            return f"the peer ended it: {message}"
        case _:
            return "the connection was closed"
