"""One end of a connection of the wire, on an event loop.

The link moves bytes and minds the time; what they mean is the ``Connection``'s, and what to do about it the
receiver's. Three things make it fast: what is sent in one turn of the loop is written at once at the end of it; one
timer serves all limits on time; and events are handed on in one list.

A large message must not be in the way of a small one. Its chunks are written some in each turn of the loop, behind
whatever is small, and only while the transport and the system below it hold little that is not sent: what is in
their buffers can't be overtaken.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final, Protocol, cast, final

from freestone.wire import Connection, Event, Goodbye, Limits, Reason, State, Violation

from .eager import EARLY, PARTS, descriptor_of, write_now
from .identity import Certified

_FULL: Final = 64 * 1024
"""Bytes that the transport may hold before large messages wait, so that what is small need not wait behind them."""
_HIGH_WATER: Final = 256 * 1024
"""Bytes that the transport may hold before all writing pauses."""
_BURST: Final = 128 * 1024
"""Bytes of large messages that are written in one turn of the loop."""
_UNSENT: Final = 128 * 1024
"""Bytes that TCP may hold and has not sent yet."""
_DOUBTED: Final = 2
"""Times that it is looked in vain for the answer to a ping until the peer is in doubt; the last may be after a halt of
this process, and tell nothing.
"""
_UNREAD: Final = 256 * 1024
"""Bytes that TCP may hold and has not handed over yet; Linux doubles it, for its own bookkeeping."""


class Receiver(Protocol):
    """What a link hands its events to."""

    def received(self, events: list[Event]) -> None:
        """Act on what came."""
        ...

    def writable(self) -> None:
        """Go on writing, or stop if ``link.paused``: the network takes more again, or takes no more."""
        ...

    def silent(self) -> None:
        """The peer was asked for a sign of life and has given none yet: it may be gone, or only busy."""
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

    def __init__(
        self, wire: Connection, receiver: Receiver, loop: asyncio.AbstractEventLoop, *, reads_on: bool
    ) -> None:
        self.wire = wire
        self.certified: Certified | None = None
        """Who is at the other end, if it had to prove that."""
        self.paused = False
        """Whether the network takes no more for now."""
        self.closing = False
        """Whether nothing more is sent or received."""
        self.disconnected: asyncio.Future[None] = loop.create_future()
        """Done when nothing is left of the connection, what was still to be written included."""
        self._receiver: Receiver = receiver
        self._loop = loop
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
        self._timer: asyncio.TimerHandle | None = None
        self._heard = False
        self._heard_at = 0.0
        self._pinged = False
        self._looked = 0  # how often, since the ping
        self._frames = 0
        self._frame_since = 0.0
        self._since = 0.0
        limits = wire.limits
        self._period = min(limits.handshake, limits.ping, limits.frame_time) / 4
        self._resting = False

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
        self._since = self._heard_at = self._frame_since = self._loop.time()
        if self.closing:
            self._transport.close()
            return
        self.wire.start()
        self.flush()
        self._timer = self._loop.call_later(self._period, self._tick)

    def data_received(self, data: bytes) -> None:
        if self.closing:
            return
        wire = self.wire
        self._heard = True
        if self._resting:
            self._wake()
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
        if self._timer is not None:
            self._timer.cancel()
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
        if self._resting:
            self._wake()
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
        self._since = self._loop.time()
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

    def _wake(self) -> None:
        """Look often again: something is under way."""
        self._resting = False
        if self._timer is not None:
            self._timer.cancel()
            # Whoever said nothing while it was asked nothing was not silent.
            self._heard_at = self._frame_since = self._loop.time()
            self._timer = self._loop.call_later(self._period, self._tick)

    def _tick(self) -> None:
        """Look at everything that has a limit in time; some four times in the shortest of them while calls are open."""
        if self.gone:
            return
        now, limits = self._loop.time(), self.wire.limits
        period = self._period
        if self.closing:
            if now - self._since > limits.handshake:
                self.abort("the peer did not read the end")
                return
        elif self.wire.peer is None:
            if now - self._since > limits.handshake:
                self.fail(Reason.TOO_SLOW, f"the handshake took more than {limits.handshake:g} s")
        else:
            rested, self._resting = self._resting, False
            self._look(now, limits, rested=rested)
            if not self.closing and not (self.wire.in_flight or self._pinged or self.wire.mid_frame):
                self._resting = True
                period = limits.quiet
        self._timer = self._loop.call_later(period, self._tick)

    def _look(self, now: float, limits: Limits, *, rested: bool) -> None:
        """Ask for a sign of life when it is time, and end what is too slow or gives none."""
        if self._heard:
            self._heard, self._heard_at, self._pinged = False, now, False
        elif self._pinged:
            self._looked += 1
            if self._looked == _DOUBTED:
                self._receiver.silent()
        # What is not read is not late: then it is this side that keeps the frame from its end.
        if not self._reading or not self.wire.mid_frame or self._frames != self.wire.frames:
            self._frames, self._frame_since = self.wire.frames, now
        if now - self._frame_since > limits.frame_time:
            self.fail(Reason.TOO_SLOW, f"a frame took more than {limits.frame_time:g} s")
        elif not rested and now - self._heard_at > limits.idle:
            self.fail(Reason.SILENT, f"nothing came for {limits.idle:g} s")
        elif not self._pinged and (rested or (self.wire.in_flight and now - self._heard_at > limits.ping)):
            self._pinged, self._looked = True, 0
            self._heard_at = now if rested else self._heard_at
            self.wire.send_ping(bytes(8))
            self.send()


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
