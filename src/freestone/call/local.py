"""A call to a service of the same process: straight to the method, with the boundary's rules around it.

No bytes, no task. What is mutable in the arguments and in the result is copied, so that neither side can change
what the other holds; for a method whose types are immutable there is nothing to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, final

from freestone.contract import Kind, Operation
from freestone.errors import DeadlineExceeded
from freestone.service import CURRENT, Context, deadline

from .dispatch import Dispatcher, Streaming, Target, invoke
from .policy import Deadlines, Policies


@final
class LocalTransport:
    """Carries calls to one service of this process."""

    __slots__ = ("_deadlines", "_dispatcher", "_service", "_targets")

    def __init__(self, dispatcher: Dispatcher, service: str, policies: Policies | None = None) -> None:
        self._dispatcher = dispatcher
        self._service = service
        self._deadlines = (policies or Policies()).deadlines
        self._targets: dict[Operation, tuple[Target, float | None]] = {}

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        found = self._targets.get(operation)
        target, limit = found if found is not None else self._find(operation)
        # The arguments are taken now, not when the call is awaited: what the caller does to them later is its own.
        copy = operation.copy_arguments
        return self._run(target, arguments if copy is None else copy(arguments), limit)

    def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        found = self._targets.get(operation)
        target, _ = found if found is not None else self._find(operation)
        return _LocalStream(target, arguments, self._deadlines)

    def _find(self, operation: Operation) -> tuple[Target, float | None]:
        name = f"{self._service}.{operation.name}"
        found = self._dispatcher.find(name), self._deadlines.limit(name)
        self._targets[operation] = found
        return found

    async def _run(self, target: Target, arguments: tuple[Any, ...], limit: float | None) -> Any:
        outer = CURRENT.get()
        task = None if outer is None else outer.task
        # The task knows its loop; to ask for the running one costs a system call before Python 3.12.
        if limit is not None or outer is None or task is None or asyncio.current_task(task.get_loop()) is not task:
            at = self._deadlines.end(target.name, asyncio.get_running_loop().time(), _given())
            async with deadline(0, at=at, what=target.name):
                return await self._run(target, arguments, None)
        operation = target.operation
        when = outer.deadline
        if when is not None and when <= task.get_loop().time():
            raise DeadlineExceeded(f"{target.name} was not begun: the deadline had passed")
        if operation.kind is Kind.COMMAND:
            outer.handler.sent_command = True
        context = Context(operation, when, task, outer.identity, outer.trace_id)
        if outer.extra is not None:
            context.receive(outer.extra, outer.extra.given_key if operation.kind is Kind.COMMAND else None)
        result = await invoke(target, arguments, context)
        copy = operation.copy_result
        return result if copy is None else copy(result)


def _given() -> float | None:
    outer = CURRENT.get()
    return None if outer is None else outer.deadline


@final
class _LocalStream:
    """A stream whose every step is under the deadline that was set when it was opened."""

    __slots__ = ("_arguments", "_at", "_deadlines", "_items", "_target")

    def __init__(self, target: Target, arguments: tuple[Any, ...], deadlines: Deadlines) -> None:
        copy = target.operation.copy_arguments
        self._target = target
        self._arguments = arguments if copy is None else copy(arguments)
        self._deadlines = deadlines
        self._at: float | None = None
        self._items: Streaming | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
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
