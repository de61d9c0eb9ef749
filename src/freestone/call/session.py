"""The callee's end of a connection: each request is started at once, runs the operation, and is answered.

Every call is answered exactly once, also one that was cancelled: the caller counts it as in flight until then. What
a handler does not raise as an error that its contract knows has become one in ``invoke`` already.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final, final

from freestone.contract import ErrorBody, Kind, Operation
from freestone.errors import Internal, ServiceError, Unimplemented
from freestone.service import Context, Identity
from freestone.signals import SIGNALS, PeerConnected, PeerLost
from freestone.wire import (
    Cancel,
    Connection,
    Credit,
    End,
    Error,
    Event,
    FrameTooLarge,
    Goodbye,
    Header,
    Hello,
    Item,
    Limits,
    Reason,
    Request,
    Side,
    State,
    Violation,
)

from .admission import Admission, Place
from .connection import ENDED, Lost
from .dispatch import Dispatcher, invoke
from .identity import misfit_of_caller
from .large import LARGE, Filling
from .link import Link
from .propagation import receive
from .pulse import Pulse
from .received import ReceivedItems
from .running import running
from .served_call import ServedCall, given_up
from .starter import Starter
from .target import Target
from .tls import refused
from .waiting_call import WaitingCall
from .watched import watched
from .wheel import TimerWheel

_log = logging.getLogger("freestone.call")
_NO_FIELDS: Final = b"\x80"
_SLICE: Final = 32
"""Calls that one caller has begun in one turn of the loop; others have theirs, and answers go out, in between."""
_NEVER: Final = math.inf
_OVER: Final = Lost("the call has ended")
_GRACE: Final = 1.0
"""Seconds that a caller has to close the connection, once it was told goodbye and has its last answer."""


@final
class Session:
    """Serves one caller. ``ended_with`` is called when the connection is over."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        hello: Hello,
        limits: Limits,
        pulse: Pulse,
        wheel: TimerWheel[ServedCall | WaitingCall],
        starter: Starter,
        admission: Admission,
        ended_with: Callable[[Session], None],
    ) -> None:
        self.wire = Connection(Side.CALLEE, hello, limits)
        self.link = Link(self.wire, self, pulse, reads_on=False)
        self.loop = pulse.loop
        self.wheel = wheel
        self.admission = admission
        self._dispatcher = dispatcher
        self._targets = dispatcher.targets
        self._starter = starter
        self._ended_with = ended_with
        self._calls: dict[int, ServedCall | WaitingCall] = {}
        self._backlog: deque[tuple[Request, float]] = deque()
        self._received: dict[int, ReceivedItems] = {}
        self._given_up: set[int] = set()
        self._serving = False
        self._latest = 0
        """The unary call whose coroutine has run last for the first time."""
        self._draining = False

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The tasks of the calls that have begun and wait for something."""
        return [call.task for call in self._calls.values() if isinstance(call, ServedCall)]

    def drain(self, message: str) -> None:
        """Begin no more calls. The caller closes the connection when those in flight are answered."""
        if self.wire.state in (State.OPEN, State.LEAVING):
            self.wire.send_goodbye(message)
            self.link.send()
        elif self.wire.peer is None:
            self.link.close(message)
        self._draining = True
        self._close_if_done()

    def stop(self, message: str) -> None:
        """End the connection now, and cancel its calls."""
        self.link.fail(Reason.STOPPING, message)

    # --- what the link does

    def received(self, events: list[Event]) -> None:
        now = self.loop.time()
        for event in events:
            kind = type(event)
            if kind is Request:
                self._backlog.append((event, now))  # type: ignore[arg-type]
            elif kind is Cancel:
                self._give_up(event.call_id)  # type: ignore[union-attr]
            elif kind is Credit:
                self._wake(event.call_id)  # type: ignore[union-attr]
            elif kind is Item or kind is End:
                self._take(event)  # type: ignore[arg-type]
            elif kind is Hello:
                if misfit := misfit_of_caller(self.link.certified, event):  # type: ignore[arg-type]
                    refused(self.link.transport, misfit)
                    self.link.fail(Reason.IDENTITY, misfit)
                    return  # whatever it sent behind its greeting is not looked at
                if SIGNALS.observed:
                    SIGNALS.announce(PeerConnected(event.process, tuple(event.services)))  # type: ignore[union-attr]
            elif kind is Goodbye and event.reason is Reason.IDENTITY:  # type: ignore[union-attr]
                refused(self.link.transport, f"it refused this process: {event.message}")  # type: ignore[union-attr]
            elif kind is Violation and self.wire.peer is None:
                refused(self.link.transport, event.message)  # type: ignore[union-attr]
        if self.wire.state is State.CLOSED:
            self._backlog.clear()  # the caller has gone with the same bytes, and nobody can be answered
        elif not self._serving:
            self._serve()

    def writable(self) -> None:
        if not self.link.paused:
            for call in self._calls.values():
                call.wake()
        if self._draining:
            self._close_if_done()

    def silent(self) -> None:
        """Do nothing: a caller that is gone makes no calls."""

    def ended(self, reason: str) -> None:
        if SIGNALS.observed and self.wire.peer is not None:
            SIGNALS.announce(PeerLost(self.wire.peer.process, reason))
        self._backlog.clear()
        for call in list(self._calls.values()):
            call.cancel()
        self._ended_with(self)

    # --- inside

    def _serve(self) -> None:
        """Begin calls, as many as are fair in one turn of the loop."""
        backlog, admission = self._backlog, self.admission
        served = 0
        # Where there is too much to do, all of them are looked at: to wait here would keep that from admission.
        while backlog and (served < _SLICE or admission.pressed):
            served += 1
            self._begin(*backlog.popleft())
        self._serving = bool(backlog)
        if self._serving:
            self.link.flush()
            self.loop.call_soon(self._serve)
        else:
            self._given_up.clear()
            if self._draining:
                self._close_if_done()

    def _give_up(self, call_id: int) -> None:
        call = self._calls.get(call_id)
        if call is not None:
            call.cancel()
        elif self._backlog:
            self._given_up.add(call_id)

    def _wake(self, call_id: int) -> None:
        call = self._calls.get(call_id)
        if call is not None:
            call.wake()

    def _take(self, event: Item | End) -> None:
        received = self._received.get(event.call_id)
        if received is None:
            return
        if isinstance(event, Item):
            received.inflow.put(event.item)
        else:
            received.inflow.set_result(ENDED)

    async def _taking(self, call_id: int, call: Coroutine[Any, Any, None]) -> None:
        """Run a call that takes items, and take none when it is over."""
        try:
            await call
        finally:
            self._received.pop(call_id).inflow.set_result(_OVER)

    def _begin(self, request: Request, came: float) -> None:
        call_id = request.call_id
        header = request.header
        operation = None
        try:
            target = self._targets.get(header.operation) or self._dispatcher.find(header.operation)
            operation = target.operation
            if header.kind != target.kind or (header.credit > 0) is not operation.streams:
                raise _mismatch(target, header)
            if self._given_up and call_id in self._given_up:
                raise given_up(target)
        except ServiceError as error:
            self.answer_error(call_id, operation, error, begun=False)
            return
        # A caller that lifted the deadline lifted it for whatever this call leads to.
        deadline = _NEVER if header.remaining is None else came + header.remaining / 1e6
        repeated = not header.command and "attempt" in header.extra
        now = self.loop.time()
        answer = self.admission.ask(target, now, deadline, repeated)
        if type(answer) is Place:
            self.start(request, target, deadline, answer, now)
        elif answer is None:
            call = self._calls[call_id] = WaitingCall(self, request, target, deadline)
            if deadline != _NEVER:
                call.slot = self.wheel.arm(deadline, call)
            self.admission.wait(call, came, repeated)
        else:
            self.refuse(call_id, answer)

    def start(self, request: Request, target: Target, deadline: float, place: Place, now: float) -> None:
        """Begin a call that was let in."""
        call_id, header, operation = request.call_id, request.header, target.operation
        identity = None if header.identity is None else Identity(*header.identity)
        context = Context(operation, deadline, None, identity, header.trace_id)
        try:
            large, filling = target.large, None
            if large is None or len(request.arguments) <= LARGE:
                arguments = operation.decode_arguments(request.arguments)
            else:
                arguments, filling = large.decode_arguments(request.arguments)
            if header.extra:
                receive(context, header.extra)
        except ServiceError as error:
            self.answer_error(call_id, operation, error, begun=False)
            self.admission.leave(place)
            return
        takes = operation.takes is not None
        if takes:
            received = self._received[call_id] = ReceivedItems(self, call_id, operation)
            arguments = operation.with_items(arguments, received)
        if operation.streams:
            call = ServedCall(self, call_id, target, place, now)
            run = call.run(arguments, context)
            call.task = self.loop.create_task(self._taking(call_id, run) if takes else run)
        else:
            perform = self._perform(call_id, target, arguments, context, filling)
            if place.watches():
                perform = watched(perform, self.loop.time, place.kept)
            task = self._starter.start(self._taking(call_id, perform) if takes else perform, target.habit)
            if task is None:
                self.admission.ended(place, now)
                return
            call = ServedCall(self, call_id, target, place, now)
            call.task = task
            call.begun = self._latest == call_id
        self.admission.goes_on(place, now)
        self._calls[call_id] = call
        if deadline != _NEVER:
            call.slot = self.wheel.arm(deadline, call)

    async def _perform(
        self,
        call_id: int,
        target: Target,
        arguments: tuple[Any, ...],
        context: Context,
        filling: Filling | None = None,
    ) -> None:
        """Perform a unary call and answer it. It is started before it is known whether it needs a task."""
        self._latest = call_id
        context.task = running(self.loop)
        operation = target.operation
        try:
            call = self._calls.get(call_id)
            if isinstance(call, ServedCall):  # it was given a task, which could be cancelled before it began
                call.begin()
            if filling is not None:
                arguments = await filling()
            result = await invoke(target, arguments, context)
            large = target.large
            encoded = operation.encode_result(result) if large is None else large.encode_result(result)
            link = self.link
            if not link.closing:
                self.wire.send_reply(call_id, encoded)
                link.send()
        except ServiceError as error:
            self.answer_error(call_id, operation, error)
        except asyncio.CancelledError:
            call = self._calls.get(call_id)
            self.answer_error(call_id, operation, call.why() if isinstance(call, ServedCall) else given_up(target))
        except FrameTooLarge as error:
            _log.error("%s has a result that can't be sent: %s", operation, error)
            self.answer_error(call_id, operation, Internal(f"the call was made, but {error}"))
        finally:
            context.task = None  # whoever keeps the context does not keep the task from being lent to the next call
            call = self._calls.get(call_id)
            if isinstance(call, ServedCall):
                call.end()

    def forget(self, call: ServedCall | WaitingCall) -> None:
        """Drop a call that has ended, or that waits no more."""
        del self._calls[call.call_id]
        if call.slot is not None:
            call.slot.discard(call)
        if self._draining:
            self._close_if_done()

    def _close_if_done(self) -> None:
        """Close in a while, if the caller does not when it has its last answer, as it should."""
        busy = self._calls or self._backlog or self.wire.in_flight or self.wire.large
        if not busy and not self.link.closing:
            self.loop.call_later(_GRACE, self.link.close, "every call was answered")

    def refuse(self, call_id: int, body: ErrorBody) -> None:
        """Answer a call that was not begun."""
        if not self.link.closing:
            self.wire.send_error(_frame(call_id, body, begun=False))
            self.link.send()

    def answer_error(
        self, call_id: int, operation: Operation | None, error: ServiceError, *, begun: bool = True
    ) -> None:
        """Send an error as the end of a call. ``operation`` is None if there is no such operation here."""
        if self.link.closing:
            return
        if operation is None:
            body = ErrorBody(error.code, type(error).__name__, error.message, _NO_FIELDS, None)
        else:
            body = operation.encode_error(error)
        try:
            self.wire.send_error(_frame(call_id, body, begun))
        except FrameTooLarge as large:
            _log.error("%s has an error that can't be sent: %s", operation, large)
            message = f"{body.name} was raised, but {large}"
            self.wire.send_error(
                _frame(call_id, ErrorBody(Internal.code, "Internal", message, _NO_FIELDS, None), begun)
            )
        self.link.send()


def _frame(call_id: int, body: ErrorBody, begun: bool) -> Error:
    return Error(call_id, body.code, body.name, body.message, body.fields, body.trace_id, begun, body.retried)


def _mismatch(target: Target, header: Header) -> Unimplemented:
    """Return why a call is refused whose caller has another idea of the operation than we have."""
    operation = target.operation
    if header.command is not (operation.kind is Kind.COMMAND):
        return Unimplemented(f"{target.name} is a {operation.kind.value} here, and was called as another kind")
    if header.sends:
        return Unimplemented(f"{target.name} takes no stream here")
    if operation.takes is not None and not header.sends:
        return Unimplemented(f"{target.name} takes a stream here, {operation.takes.name}")
    return Unimplemented(f"{target.name} {'streams' if operation.streams else 'does not stream'} here")
