"""The caller's end of a connection: requests go out, answers find who waits for them.

An answer is a value, not an exception: bytes, an ERROR frame, or a word for what came instead. Whoever waits turns it
into a result or an error in its own task, where a decoder may take its time and a traceback leads to the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, final

import msgspec

from freestone.signals import SIGNALS, PeerConnected, PeerLost
from freestone.wire import (
    LAST_CALL,
    Body,
    Connection,
    Credit,
    End,
    Error,
    Event,
    Goodbye,
    Hello,
    Item,
    Limits,
    Reason,
    Reply,
    RequestEncoder,
    Side,
    State,
)

from .identity import misfit_of_callee
from .link import Link
from .pulse import Pulse

if TYPE_CHECKING:
    from .feed import Feed


@final
class Lost(msgspec.Struct, frozen=True):
    """The connection ended before the answer came."""

    reason: str
    gone: bool = False
    """Whether it was the other end that ended it, as a process does that dies; and not this one, for its silence."""


@final
class Expired:
    """The deadline came before the answer."""


@final
class Ended:
    """The stream has no more items."""


EXPIRED: Final = Expired()
ENDED: Final = Ended()
Answer: TypeAlias = bytes | Error | Lost | Expired | Ended
"""How a call ends: with a result, or with what came instead."""


class Waiting(Protocol):
    """Waits for the answer of a call; a future does, and so does the inflow of a stream."""

    def done(self) -> bool:
        """Whether it has its answer, or has given up."""
        ...

    def set_result(self, result: Answer, /) -> None:
        """Take the answer."""
        ...


class Taking(Waiting, Protocol):
    """Waits for the items of a stream too."""

    def put(self, item: bytes, /) -> None:
        """Take the next item."""
        ...


@final
class PeerConnection:
    """One connection to one replica. ``changed`` is called when ``ready`` has changed.

    ``dialled`` is the process that a certificate has to name; None is any of the application.
    """

    def __init__(
        self,
        hello: Hello,
        limits: Limits,
        pulse: Pulse,
        changed: Callable[[PeerConnection], None],
        dialled: str | None = None,
    ) -> None:
        self.wire = Connection(Side.CALLER, hello, limits)
        self.link = Link(self.wire, self, pulse, reads_on=True)
        loop = pulse.loop
        self.ready = False
        """Whether calls may be sent now."""
        self.opened: asyncio.Future[str] = loop.create_future()
        """Done when the handshake is: with an empty string, or with a sentence why it failed."""
        self.gone: asyncio.Future[str] = loop.create_future()
        """Done when it takes no more calls, with a sentence why; calls in flight may still be answered."""
        self.closed: asyncio.Future[str] = loop.create_future()
        """Done when nothing more comes, with a sentence why."""
        self._changed = changed
        self._dialled = dialled
        self._waiting: dict[int, Waiting] = {}
        self._streams: dict[int, Taking] = {}
        self.feeds: dict[int, Feed] = {}
        """What sends the items of calls whose caller sends some."""

    # --- what callers do

    @property
    def accepts(self) -> bool:
        """Whether it takes one more call."""
        return self.wire.accepts

    def request(
        self,
        encoder: RequestEncoder,
        remaining: int,
        trace: bytes,
        tail: bytes,
        arguments: Body,
        waiting: Waiting,
    ) -> int:
        """Send a request, and return the id of the call; ``waiting`` gets the answer.

        The other arguments are those of ``RequestEncoder.encode``. Raises FrameTooLarge, or ValueError for a header
        that is too long; nothing was sent then.
        """
        call_id = self.wire.send_request(encoder, remaining, trace, tail, arguments)
        self._waiting[call_id] = waiting
        link = self.link
        if len(self._waiting) == 1 and link.burst <= 1 and not link.flushing:
            link.flush()  # a caller that makes one call after the other: there is nothing to wait for
        else:
            link.send()
        if call_id >= LAST_CALL:
            self.leave("the call ids are used up")
        return call_id

    def open(
        self,
        encoder: RequestEncoder,
        remaining: int,
        trace: bytes,
        tail: bytes,
        arguments: Body,
        taking: Taking,
    ) -> int:
        """Send a request for a stream, as ``request`` does; ``taking`` gets the items and then the answer."""
        call_id = self.request(encoder, remaining, trace, tail, arguments, taking)
        self._streams[call_id] = taking
        return call_id

    def cancel(self, call_id: int) -> None:
        """Give a call up. Does nothing if it is over."""
        waited = self._waiting.pop(call_id, None)
        self._streams.pop(call_id, None)
        if waited is not None and not self.link.closing:
            self.wire.send_cancel(call_id)
            self.link.send()

    def grant(self, call_id: int, items: int) -> None:
        """Let that many more items of a stream come. Does nothing if it is over."""
        if call_id in self._streams and not self.link.closing:
            self.wire.send_credit(call_id, items)
            self.link.send()

    def leave(self, message: str) -> None:
        """Open no more calls, and close when the last one is answered."""
        if self.wire.state in (State.OPEN, State.LEAVING):
            self.wire.send_goodbye(message)
            self.link.send()
        elif self.wire.peer is None:
            self.link.close(message)
        self._retire(message)
        self._close_if_done()

    def wanted(self) -> None:
        """Give way to a new connection if the peer is in doubt; calls in flight may still be answered."""
        if self.link.doubtful:
            # A new one finds a network that has healed sooner than this one, whose bytes the system sends again ever
            # more rarely.
            self._retire(f"{self._name()} gives no sign of life")
        else:
            self.writable()

    # --- what the link does

    def received(self, events: list[Event]) -> None:
        waiting = self._waiting
        for event in events:
            kind = type(event)
            if kind is Reply:
                waited = waiting.pop(event.call_id, None)  # type: ignore[union-attr]
                if waited is not None and not waited.done():
                    waited.set_result(event.result)  # type: ignore[union-attr]
            else:
                self._received(event)
        if self.wire.state is not State.OPEN:
            self._close_if_done()

    def writable(self) -> None:
        if not self.link.paused:
            for feed in self.feeds.values():
                feed.wake()
        link = self.link
        sound = self.wire.state is State.OPEN and not link.paused and not link.doubtful
        self._set_ready(sound and not self.gone.done())

    def silent(self) -> None:
        # New calls go where somebody is known to listen. Where nobody wants it, it is not replaced yet: a callee that
        # was busy for a second would find all its callers at the door, who had nothing to ask.
        self._set_ready(False)
        if self._waiting:
            self.wanted()

    def ended(self, reason: str) -> None:
        if not self.opened.done():
            self.opened.set_result(reason)
        elif SIGNALS.observed and self.wire.peer is not None:
            SIGNALS.announce(PeerLost(self.wire.peer.process, reason))
        self._retire(reason)
        self.closed.set_result(reason)
        waiting = list(self._waiting.values())
        self._waiting.clear()
        self._streams.clear()
        lost = Lost(reason, self.link.gone)
        for waited in waiting:
            if not waited.done():
                waited.set_result(lost)

    # --- inside

    def _received(self, event: Event) -> None:
        match event:
            case Item(call_id, item):
                taking = self._streams.get(call_id)
                if taking is not None:
                    taking.put(item)
            case End(call_id):
                self._finish(call_id, ENDED)
            case Error():
                self._finish(event.call_id, event)
            case Credit(call_id):
                feed = self.feeds.get(call_id)
                if feed is not None:
                    feed.wake()
            case Hello():
                if misfit := misfit_of_callee(self.link.certified, event, self._dialled):
                    self.link.fail(Reason.IDENTITY, misfit)
                    return
                self.opened.set_result("")
                self.writable()
                if SIGNALS.observed:
                    SIGNALS.announce(PeerConnected(event.process, tuple(event.services)))
            case Goodbye(reason=Reason.IDENTITY, message=message):
                self._retire(f"{self._name()} refused this process: {message}")
            case Goodbye(message=message):
                self._retire(f"{self._name()} is leaving: {message}")
            case _:
                pass  # a PONG was heard by the link; a violation is the end, of which the link tells

    def _finish(self, call_id: int, answer: Answer) -> None:
        waited = self._waiting.pop(call_id, None)
        self._streams.pop(call_id, None)
        if waited is not None and not waited.done():
            waited.set_result(answer)

    def _retire(self, reason: str) -> None:
        if not self.gone.done():
            self.gone.set_result(reason)
        self._set_ready(False)

    def _set_ready(self, ready: bool) -> None:
        if self.ready is not ready:
            self.ready = ready
            self._changed(self)

    def _close_if_done(self) -> None:
        if not self.wire.in_flight and self.wire.state in (State.DRAINING, State.LEAVING, State.PARTING):
            self.link.close("every call was answered")

    def _name(self) -> str:
        return self.wire.peer.process if self.wire.peer else "the peer"
