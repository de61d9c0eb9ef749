"""A call to a service of the same process: straight to the method, with the boundary's rules around it.

No bytes, no task. What is mutable in the arguments and in the result is copied, so that neither side can change
what the other holds; for a method whose types are immutable there is nothing to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, final

from freestone.contract import Kind, Operation
from freestone.errors import DeadlineExceeded
from freestone.service import CURRENT, Context, deadline
from freestone.signals import SIGNALS

from .dispatch import Dispatcher, Streaming, invoke
from .outcome import undo
from .policy import Deadlines, Policies
from .repetition import lost_race, run_again
from .running import running
from .source import Lent, Source
from .target import Target


@final
class LocalTransport:
    """Carries calls to one service of this process."""

    __slots__ = ("_deadlines", "_dispatcher", "_routes", "_service")

    def __init__(self, dispatcher: Dispatcher, service: str, policies: Policies | None = None) -> None:
        self._dispatcher = dispatcher
        self._service = service
        self._deadlines = (policies or Policies()).deadlines
        self._routes: dict[Operation, Callable[[tuple[Any, ...]], Awaitable[Any]]] = {}

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        return (self._routes.get(operation) or self.route(operation))(arguments)

    def route(self, operation: Operation) -> Callable[[tuple[Any, ...]], Awaitable[Any]]:
        """Return what ``invoke`` does for that operation. Raises Unimplemented if the service has it not."""
        near = _Near(self._find(operation), self._deadlines)
        route = self._routes[operation] = near.run if operation.copy_arguments is None else near.take
        return route

    def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        return _LocalStream(self._find(operation), arguments, self._deadlines)

    def exchange(self, operation: Operation, arguments: tuple[Any, ...], items: AsyncIterator[Any]) -> Any:
        target = self._find(operation)
        lent = Lent(operation, Source(operation, items, CURRENT.get()))
        if operation.streams:
            return _LocalStream(target, arguments, self._deadlines, lent)
        copy = operation.copy_arguments
        return self._exchange(target, arguments if copy is None else copy(arguments), lent)

    async def _exchange(self, target: Target, arguments: tuple[Any, ...], lent: Lent) -> Any:
        try:
            result = await _Near(target, self._deadlines).run(target.operation.with_items(arguments, lent))
        except Exception:
            if lent.source.failure is not None:
                raise lent.source.failure from None
            raise
        finally:
            lent.ended = True
            await lent.source.close()
        if lent.source.failure is not None:
            raise lent.source.failure
        return result

    def _find(self, operation: Operation) -> Target:
        return self._dispatcher.find(f"{self._service}.{operation.name}")


@final
class _Near:
    """One operation: what is the same in each of its calls."""

    __slots__ = (
        "command", "copy_arguments", "copy_result", "deadlines", "keeps", "limited", "method", "operation",
        "settled", "target",
    )  # fmt: skip

    def __init__(self, target: Target, deadlines: Deadlines) -> None:
        self.target = target
        self.method = target.method
        self.operation = target.operation
        self.command = target.operation.kind is Kind.COMMAND
        self.copy_arguments = target.operation.copy_arguments
        self.copy_result = target.operation.copy_result
        self.deadlines = deadlines
        self.limited = deadlines.limit(target.name) is not None
        """Whether the operation has a limit of its own, so that its caller's timer is not enough."""
        self.keeps = target.once is not None
        """Whether what it comes to is kept."""
        self.settled = self.copy_arguments is None and target.operation.takes is None
        """Whether nothing in the arguments will have changed when the key of a call is derived from them."""

    def take(self, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        """Call it with a copy, which is made now: what the caller does to the arguments later is its own."""
        assert self.copy_arguments is not None
        return self.run(self.copy_arguments(arguments))

    async def run(self, arguments: tuple[Any, ...], armed: bool = False) -> Any:
        """Call it with arguments that nobody else changes. ``armed`` says that its own limit has its timer already.

        It does what ``dispatch.invoke`` does, in the same coroutine: another one would be a sixth of the call.
        """
        outer = CURRENT.get()
        # The task knows its loop; to ask for the running one costs a system call before Python 3.12.
        if (
            outer is None
            or (task := outer.task) is None
            or running(loop := task.get_loop()) is not task
            or (self.limited and not armed)
        ):
            return await self._arm(arguments)
        when = outer.deadline
        if when is not None and when <= loop.time():
            raise DeadlineExceeded(f"{self.target.name} was not begun: the deadline had passed")
        context = Context(self.operation, when, task, outer.identity, outer.trace_id)
        if self.command:
            caller = outer.handler
            caller.sent_command = True
            if caller.before:
                context.receive(None, None, caller.before)
            if self.settled:
                context.caller = (caller, self.target, arguments)
            elif caller.serves_command:
                context.receive(None, self._key(caller, arguments))
        if outer.extra is not None:
            context.receive(outer.extra, outer.extra.given_key if self.command else None)
        if self.keeps or SIGNALS.observed:
            result = await invoke(self.target, arguments, context)
        else:
            token = CURRENT.set(context)
            failure: BaseException | None = None
            try:
                result = await self.method(*arguments)
                if context.enlisted is not None:
                    await context.commit()
            except BaseException as error:
                lost = lost_race(error)
                if lost is None or self.operation.takes is not None:
                    failure = await undo(error, self.target, context)
                    if failure is error:
                        raise
                    raise failure from None
                try:
                    result = await run_again(self.target, arguments, context, lost)
                finally:
                    lost = None  # see there
            finally:
                context.ended = True
                CURRENT.reset(token)
                failure = None  # see there
        return result if self.copy_result is None else self.copy_result(result)

    def _key(self, caller: Context, arguments: tuple[Any, ...]) -> str:
        """Return the key of a command whose arguments can change, or are not all there yet."""
        operation = self.operation
        return caller.key_of_call(self.target.name, operation, operation.without_items(arguments))

    async def _arm(self, arguments: tuple[Any, ...]) -> Any:
        """Call it under a timer of its own."""
        at = self.deadlines.end(self.target.name, asyncio.get_running_loop().time(), _given())
        async with deadline(0, at=at, what=self.target.name):
            return await self.run(arguments, armed=True)


def _given() -> float | None:
    outer = CURRENT.get()
    return None if outer is None else outer.deadline


@final
class _LocalStream:
    """A stream whose every step is under the deadline that was set when it was opened."""

    __slots__ = ("_arguments", "_at", "_deadlines", "_items", "_lent", "_target")

    def __init__(
        self, target: Target, arguments: tuple[Any, ...], deadlines: Deadlines, lent: Lent | None = None
    ) -> None:
        copy = target.operation.copy_arguments
        self._target = target
        self._arguments = arguments if copy is None else copy(arguments)
        if lent is not None:
            self._arguments = target.operation.with_items(self._arguments, lent)
        self._lent = lent
        self._deadlines = deadlines
        self._at: float | None = None
        self._items: Streaming | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        lent = self._lent
        if lent is None:
            return await self._next()
        try:
            return await self._next()
        except BaseException as error:
            lent.ended = True
            await lent.source.close()
            if lent.source.failure is not None and isinstance(error, Exception):
                raise lent.source.failure from None
            raise

    async def _next(self) -> Any:
        if self._at is None:
            now = asyncio.get_running_loop().time()
            self._at = self._deadlines.end(self._target.name, now, _given())
        async with deadline(0, at=self._at, what=self._target.name) as outer:
            if self._items is None:
                operation = self._target.operation
                context = Context(operation, self._at, outer.task, outer.identity, outer.trace_id)
                if outer.extra is not None:
                    context.receive(outer.extra)
                self._items = Streaming(self._target, self._arguments, context)
            item = await anext(self._items)
        copy = self._target.operation.copy_result
        return item if copy is None else copy(item)

    async def aclose(self) -> None:
        if self._items is not None:
            await self._items.aclose()
        if self._lent is not None:
            self._lent.ended = True
            await self._lent.source.close()
