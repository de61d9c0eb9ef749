"""One call on behalf of several callers."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar, final

from freestone.contract import Operation, identity_of
from freestone.errors import DeadlineExceeded, ServiceError
from freestone.service import CURRENT, Context, Received, deadline, note_replica, received_apart

T = TypeVar("T")


@final
class SharedCall(Generic[T]):
    """A call that goes on while one of those who wait for it does, and is cancelled when the last has left."""

    __slots__ = ("_left", "_received", "_task", "_waiting")

    _received: Received
    _task: asyncio.Task[T]

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        self._left = False

    def start(self, call: Coroutine[Any, Any, T]) -> SharedCall[T]:
        """Make the call, in a task of its own."""
        context = contextvars.copy_context()
        self._received = context.run(received_apart)
        self._task = asyncio.get_running_loop().create_task(call, context=context)
        self._task.add_done_callback(self._ended)
        return self

    @property
    def left(self) -> bool:
        """Whether everybody has left it, so that nobody can join."""
        return self._left

    @property
    def replica(self) -> str:
        """Who has answered; empty if it was in this process."""
        return self._received.replica

    def join(self, waiting: asyncio.Future[None]) -> None:
        """Let somebody wait: that future is set when the call is over. Who does not wait any more has to leave."""
        self._waiting.add(waiting)

    def leave(self, waiting: asyncio.Future[None]) -> None:
        """Wait no more. The last one cancels the call, if it is not over."""
        self._waiting.discard(waiting)
        if not self._waiting and not self._task.done():
            self._left = True
            self._task.cancel()

    def value(self) -> T:
        """Return what a call that is over returned, and tell the caller's blocks who has answered.

        Raises what it raised, the very exception.
        """
        note_replica(self._received.replica)
        return self._task.result()

    async def result(self) -> T:
        """Wait for it, and return its value."""
        if not self._task.done():
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.join(waiting)
            try:
                await waiting
            finally:
                self.leave(waiting)
        return self.value()

    def _ended(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # it may be that nobody is left to hear of it
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)


def own_deadline(outer: Context | None, name: str) -> AbstractAsyncContextManager[object]:
    """Return a block that ends at the deadline of its caller, whatever the call has that it waits for.

    Raises DeadlineExceeded if that has passed: then nothing is begun.
    """
    if outer is None or outer.deadline is None:
        return contextlib.nullcontext()
    loop = asyncio.get_running_loop()
    if outer.deadline <= loop.time():
        raise DeadlineExceeded(f"{name} was not begun: the deadline had passed")
    if outer.task is asyncio.current_task(loop):
        return contextlib.nullcontext()
    return deadline(0, at=outer.deadline, what=name)


def on_behalf(*, shared: bool = False) -> bytes:
    """Return bytes that two callers have in common if a callee can't tell them apart: who asks, and the fields.

    ``shared`` is whether who asks makes no difference.
    """
    outer = CURRENT.get()
    if outer is None or (outer.extra is None and (shared or outer.identity is None)):
        return b""
    identity = None if shared else outer.identity
    if identity is None and not outer.fields:
        return b""
    return identity_of((None if identity is None else (identity.subject, identity.scopes), dict(outer.fields)))


def title(operation: Operation) -> str:
    """Return what an operation is called by those who do not know its service."""
    return f"{operation.contract.__name__}.{operation.name}"


def own_copy(operation: Operation, error: BaseException) -> BaseException:
    """Return an error for one of several callers: each raises one of its own, as if it had asked alone."""
    if not isinstance(error, ServiceError):
        return error
    copy = operation.decode_error(operation.encode_error(error))
    copy.__cause__ = error.__cause__
    return copy
