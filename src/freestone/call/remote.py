"""A call to a service of another process: encoded, sent to one of its replicas, and answered.

What is sent elsewhere or again is decided here, and it is little. A call that the peer says it has not begun goes to
another replica. A query that lost its connection is sent again, twice at most. A command that lost its connection is
reported as ``ConnectionLost``: it may have had its effect.

Who minds the deadline: the caller's own task, if the deadline around it has armed a timer on that task (then the
task is cancelled, and the call with it); the pool's timer wheel otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final, final

from freestone.clock import trace_id as new_trace_id
from freestone.contract import ErrorBody, Kind, Operation
from freestone.errors import ConnectionLost, DeadlineExceeded, ResourceExhausted, ServiceError, Unavailable
from freestone.service import CURRENT, Context
from freestone.wire import Error, FrameTooLarge, RequestEncoder, request_tail

from .connection import Answer, Lost, PeerConnection
from .inflow import Inflow
from .policy import Deadlines
from .pool import Peer, Pool
from .remote_stream import WINDOW, RemoteStream

_ATTEMPTS: Final = 8
"""Times that a call is sent elsewhere because a replica has not begun it, before its caller hears of it."""
_QUERY_ATTEMPTS: Final = 3
"""Times that a query is sent because it lost its connection: what kills each replica that it comes to must not kill
them all, and two that are killed by somebody else at a time must not fail it.
"""
_NOBODY: Final = request_tail()


@final
class WireTransport:
    """Carries calls to one service, which runs in another process.

    ``process`` is what the pool's resolver knows it by.
    """

    __slots__ = ("_calls", "_deadlines", "_peer", "_pool", "_process", "_service")

    def __init__(self, pool: Pool, process: str, service: str, deadlines: Deadlines | None = None) -> None:
        self._pool = pool
        self._process = process
        self._peer = pool.peer(process)
        self._service = service
        self._deadlines = deadlines or Deadlines()
        self._calls: dict[Operation, Route] = {}

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        route = self._calls.get(operation) or self._route(operation)
        # The arguments are taken now, not when the call is awaited: what the caller does to them later is its own.
        return route.invoke(operation.encode_arguments(arguments))

    def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        route = self._calls.get(operation) or self._route(operation)
        return RemoteStream(route, operation.encode_arguments(arguments))

    def _route(self, operation: Operation) -> Route:
        name = f"{self._service}.{operation.name}"
        route = self._calls[operation] = Route(operation, name, self._pool, self._peer, self._deadlines)
        return route


@final
class Route:
    """One operation and the way to it: what is the same in each of its calls."""

    __slots__ = ("command", "deadlines", "encoder", "guarded", "name", "operation", "peer", "pool")

    def __init__(self, operation: Operation, name: str, pool: Pool, peer: Peer, deadlines: Deadlines) -> None:
        self.operation = operation
        self.name = name
        self.pool = pool
        self.peer = peer
        self.deadlines = deadlines
        self.command = operation.kind is Kind.COMMAND
        self.guarded = deadlines.limit(name) is None
        """Whether a timer on the caller's task can be enough: the operation has no limit of its own."""
        self.encoder = RequestEncoder(name, command=self.command, credit=WINDOW if operation.streams else 0)

    async def invoke(self, arguments: bytes) -> Any:
        """Make a unary call. Raises ServiceError."""
        loop = self.pool.loop
        outer = CURRENT.get()
        when = self.deadlines.end(self.name, loop.time(), None if outer is None else outer.deadline)
        armed = not (self.guarded and outer is not None and outer.task is asyncio.current_task(loop))
        sent = 0
        while True:
            connection = self.peer.pick() or await self.reach(loop, when)
            future: asyncio.Future[Answer] = loop.create_future()
            call_id = self.send(connection, loop, outer, when, arguments, future)
            slot = self.pool.wheel.arm(when, future) if armed else None
            try:
                answer = await future
            except asyncio.CancelledError:
                connection.cancel(call_id)
                raise
            finally:
                if slot is not None:
                    slot.discard(future)
            if type(answer) is bytes:
                return self.operation.decode_result(answer)
            sent += 1
            connection.cancel(call_id)  # which does nothing unless it has expired: the others are over
            failure = self.failure(answer)
            if not self.again(answer, sent):
                raise failure

    async def reach(self, loop: asyncio.AbstractEventLoop, when: float) -> PeerConnection:
        """Wait for a replica, until a little before the deadline: then the caller can still hear what was missing."""
        left = self.left(loop, when)
        return await self.peer.wait(when - min(0.2, left / 10))

    def left(self, loop: asyncio.AbstractEventLoop, when: float) -> float:
        """Return the seconds until the deadline. Raises DeadlineExceeded if there are none."""
        left = when - loop.time()
        if left <= 0:
            raise DeadlineExceeded(f"{self.name} was not begun: the deadline had passed")
        return left

    def send(
        self,
        connection: PeerConnection,
        loop: asyncio.AbstractEventLoop,
        outer: Context | None,
        when: float,
        arguments: bytes,
        waiting: asyncio.Future[Answer] | Inflow,
    ) -> int:
        """Send the request, and return the id of the call. Raises ServiceError if it can't be sent."""
        left = self.left(loop, when)
        remaining = int(left * 1e6) if left < 1e12 else -1
        tail = _NOBODY
        if outer is None:
            trace = new_trace_id()
        else:
            trace = outer.trace_id
            identity = outer.identity
            if identity is not None:
                tail = request_tail(identity.subject, identity.scopes)
        try:
            if isinstance(waiting, Inflow):
                call_id = connection.open(self.encoder, remaining, trace.encode(), tail, arguments, waiting)
            else:
                call_id = connection.request(self.encoder, remaining, trace.encode(), tail, arguments, waiting)
        except (FrameTooLarge, ValueError) as error:
            raise ResourceExhausted(f"{self.name} was not called: {error}") from None
        if self.command and outer is not None:
            outer.handler.sent_command = True
        return call_id

    def again(self, answer: Answer, sent: int) -> bool:
        """Whether a call that ended so after that many sendings is sent once more."""
        if isinstance(answer, Error):
            return not answer.begun and answer.code == Unavailable.code and sent < _ATTEMPTS
        return isinstance(answer, Lost) and not self.command and sent < _QUERY_ATTEMPTS

    def failure(self, answer: Answer) -> ServiceError:
        """Return the error that an answer is which is no result."""
        if isinstance(answer, Error):
            body = ErrorBody(answer.code, answer.name, answer.message, answer.fields, answer.trace_id)
            return self.operation.decode_error(body)
        if isinstance(answer, Lost):
            return ConnectionLost(f"{self.name} was sent, and no answer came: {answer.reason}")
        return DeadlineExceeded(f"{self.name} did not end by its deadline")
