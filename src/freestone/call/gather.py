"""Several calls at once, under one deadline.

Each call runs in a task of its own, in one ``asyncio.TaskGroup``: when it is over, however it ends, so are all of
them. The deadline is that of the context, as everywhere: who gives ``seconds`` sets it around all of the calls, a
nearer one stays, and callees inherit it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine, Generator, Iterable, Sized
from inspect import iscoroutine
from typing import Any, TypeVar, cast, overload

from freestone.errors import ServiceError
from freestone.service import deadline

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
T = TypeVar("T")


@overload
async def gather(a: Awaitable[A], /, *, seconds: float | None = None) -> tuple[A]: ...
@overload
async def gather(a: Awaitable[A], b: Awaitable[B], /, *, seconds: float | None = None) -> tuple[A, B]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /, *, seconds: float | None = None
) -> tuple[A, B, C]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], /, *, seconds: float | None = None
) -> tuple[A, B, C, D]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E], /, *,
    seconds: float | None = None,
) -> tuple[A, B, C, D, E]: ...  # fmt: skip
@overload
async def gather(*calls: Awaitable[T], seconds: float | None = None) -> tuple[T, ...]: ...
async def gather(*calls: Awaitable[Any], seconds: float | None = None) -> tuple[Any, ...]:
    """Make several calls at once, and return their results in the order of the calls.

    The first failure is raised as itself, and the others are cancelled. What becomes of those is not told, neither a
    result that came before nor an error that comes after: a command among them may have had its effect. Who needs
    to know says ``settle``.

    ``seconds`` is a deadline for all of them together, as in a ``deadline`` block.

    >>> async def page(catalog, progress, learner, path):
    ...     outline, enrolment = await gather(catalog.path(path), progress.enrolment(learner, path), seconds=2)
    """

    with _closing(calls):
        return tuple(await _together([_awaited(call) for call in calls], seconds))


@overload
async def settle(a: Awaitable[A], /, *, seconds: float | None = None) -> tuple[A | ServiceError]: ...
@overload
async def settle(
    a: Awaitable[A], b: Awaitable[B], /, *, seconds: float | None = None
) -> tuple[A | ServiceError, B | ServiceError]: ...
@overload
async def settle(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /, *, seconds: float | None = None
) -> tuple[A | ServiceError, B | ServiceError, C | ServiceError]: ...
@overload
async def settle(*calls: Awaitable[T], seconds: float | None = None) -> tuple[T | ServiceError, ...]: ...
async def settle(*calls: Awaitable[Any], seconds: float | None = None) -> tuple[Any, ...]:
    """Make several calls at once, and return what each came to: its result, or the ServiceError that it raised.

    One that fails does not disturb the others. One that is not over after that many ``seconds`` came to
    DeadlineExceeded. Any other exception is a bug: it is raised as itself, and the rest is cancelled.

    >>> async def page(catalog, progress, learner, path):
    ...     outline, enrolment = await settle(catalog.path(path), progress.enrolment(learner, path), seconds=0.5)
    ...     return outline, None if isinstance(enrolment, ServiceError) else enrolment
    """
    when = None if seconds is None else asyncio.get_running_loop().time() + seconds

    async def one(call: Awaitable[Any]) -> Any:
        try:
            if when is None:
                return await call
            async with deadline(0, at=when, what="a call"):
                return await call
        except ServiceError as error:
            return error

    with _closing(calls):
        return await gather(*[one(call) for call in calls])


async def gather_all(
    calls: Iterable[Awaitable[T]], *, at_once: int = 16, seconds: float | None = None
) -> tuple[T, ...]:
    """Make any number of calls, at most so many at once, and return their results in the order of the calls.

    ``calls`` is gone through while they are made, so that a generator makes no call before there is room for it.
    Failures and ``seconds`` are as for ``gather``. Raises ValueError if none may be made at once.

    >>> async def outlines(catalog, slugs):
    ...     return await gather_all((catalog.path(slug) for slug in slugs), at_once=8)
    """
    if at_once < 1:
        raise ValueError(f"at_once is 1 or more, not {at_once}")
    results: dict[int, T] = {}
    waiting = enumerate(calls)

    async def work() -> None:
        for place, call in waiting:
            results[place] = await call

    workers = min(at_once, len(calls)) if isinstance(calls, Sized) else at_once
    with _closing(calls if isinstance(calls, list | tuple) else ()):
        await _together([work() for _ in range(workers)], seconds)
    return tuple(results[place] for place in range(len(results)))


async def _awaited(call: Awaitable[T]) -> T:
    return await call


async def _together(coroutines: list[Coroutine[Any, Any, T]], seconds: float | None) -> list[T]:
    """Run coroutines as tasks of one group, under a deadline. Raises the first failure, as itself.

    A failure does not leave its task, so that the group never sees one: it would raise all of them in a group of
    exceptions, and before Python 3.13 leave our task marked as cancelled.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    failures: list[Exception] = []
    running = len(coroutines)

    async def keep(coroutine: Coroutine[Any, Any, T]) -> T | None:
        try:
            return await coroutine
        except Exception as error:
            failures.append(error)
            return None

    def ended(task: asyncio.Task[T | None]) -> None:
        nonlocal running
        running -= 1
        if (not running or failures) and not over.done():
            over.set_result(None)

    with _closing(coroutines):
        async with contextlib.nullcontext() if seconds is None else deadline(seconds, what="what was gathered"):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(keep(coroutine)) for coroutine in coroutines]
                for task in tasks:
                    task.add_done_callback(ended)
                if tasks:
                    await over
                if failures:
                    for task in tasks:
                        task.cancel()
            if failures:
                raise failures[0]
            return cast("list[T]", [task.result() for task in tasks])


@contextlib.contextmanager
def _closing(calls: Iterable[Awaitable[Any]]) -> Generator[None]:
    """Close the coroutines that were not begun: nobody will await them, and Python would warn of each."""
    try:
        yield
    finally:
        for call in calls:
            if iscoroutine(call):
                call.close()
