"""The callee's end of a connection: each request becomes a task that runs the operation and answers.

Every call is answered exactly once, also one that was cancelled: the caller counts it as in flight until then. What
a handler does not raise as an error that its contract knows has become one in ``invoke`` already.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any, Final, final

from freestone.contract import ErrorBody, Kind, Operation
from freestone.errors import Cancelled, DeadlineExceeded, Internal, ServiceError, Unimplemented
from freestone.service import Context, Identity
from freestone.signals import SIGNALS, PeerConnected, PeerLost
from freestone.wire import (
    Cancel,
    Connection,
    Credit,
    Error,
    Event,
    FrameTooLarge,
    Hello,
    Limits,
    Reason,
    Request,
    Side,
    State,
)

from .dispatch import Dispatcher, Target, invoke
from .link import Link
from .served_stream import ServedStream
from .wheel import TimerWheel

_log = logging.getLogger("freestone.call")
_NO_FIELDS: Final = b"\x80"
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
        loop: asyncio.AbstractEventLoop,
        wheel: TimerWheel[ServedCall],
        ended_with: Callable[[Session], None],
    ) -> None:
        self.wire = Connection(Side.CALLEE, hello, limits)
        self.link = Link(self.wire, self, loop, reads_on=False)
        self.loop = loop
        self.wheel = wheel
        self._dispatcher = dispatcher
        self._ended_with = ended_with
        self._calls: dict[int, ServedCall] = {}
        self._draining = False

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The tasks of the calls in flight."""
        return [call.task for call in self._calls.values()]

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
        for event in events:
            kind = type(event)
            if kind is Request:
                self._begin(event)  # type: ignore[arg-type]
            elif kind is Cancel:
                self._calls[event.call_id].cancel()  # type: ignore[union-attr]
            elif kind is Credit:
                self._calls[event.call_id].wake()  # type: ignore[union-attr]
            elif kind is Hello and SIGNALS.observed:
                SIGNALS.announce(PeerConnected(event.process, tuple(event.services)))  # type: ignore[union-attr]

    def writable(self) -> None:
        if not self.link.paused:
            for call in self._calls.values():
                call.wake()

    def ended(self, reason: str) -> None:
        if SIGNALS.observed and self.wire.peer is not None:
            SIGNALS.announce(PeerLost(self.wire.peer.process, reason))
        for call in list(self._calls.values()):
            call.cancel()
        self._ended_with(self)

    # --- inside

    def _begin(self, request: Request) -> None:
        header = request.header
        operation = None
        try:
            target = self._dispatcher.find(header.operation)
            operation = target.operation
            _check(target, command=bool(header.command), streams=bool(header.credit))
            arguments = operation.decode_arguments(request.arguments)
        except ServiceError as error:
            self.answer_error(request.call_id, operation, error, begun=False)
            return
        # A caller that lifted the deadline lifted it for whatever this call leads to.
        when = math.inf if header.remaining is None else self.loop.time() + header.remaining / 1e6
        identity = None if header.identity is None else Identity(*header.identity)
        context = Context(operation, when, None, identity, header.trace_id)
        call = self._calls[request.call_id] = ServedCall(self, request.call_id, target, arguments, context)
        call.task = context.task = self.loop.create_task(call.run())
        if when != math.inf:
            call.slot = self.wheel.arm(when, call)

    def forget(self, call: ServedCall) -> None:
        """Drop a call that has ended."""
        del self._calls[call.call_id]
        if call.slot is not None:
            call.slot.discard(call)
        if self._draining:
            self._close_if_done()

    def _close_if_done(self) -> None:
        """Close in a while, if the caller does not when it has its last answer, as it should."""
        if not self._calls and not self.link.closing:
            self.loop.call_later(_GRACE, self.link.close, "every call was answered")

    def answer(self, call_id: int, operation: Operation, result: bytes) -> None:
        """Send the result of a call, or what went wrong with sending it."""
        if self.link.closing:
            return
        try:
            self.wire.send_reply(call_id, result)
        except FrameTooLarge as error:
            _log.error("%s has a result that can't be sent: %s", operation, error)
            self.answer_error(call_id, operation, Internal(f"the call was made, but {error}"))
        else:
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
    return Error(call_id, body.code, body.name, body.message, body.fields, body.trace_id, begun)


def _check(target: Target, *, command: bool, streams: bool) -> None:
    """Refuse a call whose caller has another idea of the operation than we have."""
    if command is not (target.operation.kind is Kind.COMMAND):
        raise Unimplemented(f"{target.name} is a {target.operation.kind.value} here, and was called as another kind")
    if streams is not target.operation.streams:
        raise Unimplemented(f"{target.name} {'streams' if target.operation.streams else 'does not stream'} here")


@final
class ServedCall:
    """One call in flight."""

    __slots__ = (
        "_expired", "_started", "arguments", "call_id", "cancelled", "context", "session", "slot", "stream", "target",
        "task",
    )  # fmt: skip

    task: asyncio.Task[None]

    def __init__(
        self, session: Session, call_id: int, target: Target, arguments: tuple[Any, ...], context: Context
    ) -> None:
        self.session = session
        self.call_id = call_id
        self.target = target
        self.arguments = arguments
        self.context = context
        self.slot: set[ServedCall] | None = None
        self.cancelled = False
        """Whether nobody waits for the answer any more."""
        self.stream: ServedStream | None = None
        """What sends the items, if the operation streams and has begun to."""
        self._expired = False
        self._started = False

    def expire(self) -> None:
        """The deadline has passed."""
        self._expired = True
        self.cancel()

    def cancel(self) -> None:
        """Nobody wants the answer any more."""
        self.cancelled = True
        # A task that is cancelled before its first step never runs, and could not answer; it looks for itself.
        if self._started:
            self.task.cancel()

    def wake(self) -> None:
        """Credit has come, or the network takes more."""
        if self.stream is not None:
            self.stream.wake()

    async def run(self) -> None:
        """Perform the call and answer it."""
        session, operation = self.session, self.target.operation
        self._started = True
        try:
            if self.cancelled:
                raise asyncio.CancelledError
            if operation.streams:
                self.stream = ServedStream(self)
                await self.stream.run()
            else:
                result = await invoke(self.target, self.arguments, self.context)
                session.answer(self.call_id, operation, operation.encode_result(result))
        except ServiceError as error:
            session.answer_error(self.call_id, operation, error)
        except asyncio.CancelledError:
            session.answer_error(self.call_id, operation, self._why())
        finally:
            self.stream = None
            session.forget(self)

    def _why(self) -> ServiceError:
        if self._expired:
            return DeadlineExceeded(f"{self.target.name} did not end by its deadline")
        return Cancelled(f"{self.target.name} was cancelled by its caller")
