"""Where checks are made: services that a driver serves, and what a check does with a call of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeAlias, TypeVar, cast

from freestone.call import Transport, client
from freestone.errors import DeadlineExceeded, ServiceError
from freestone.service import deadline
from freestone.testing.conformance.workbench import Workbench, WorkbenchService

Place: TypeAlias = Callable[[Mapping[str, object]], AbstractAsyncContextManager[Callable[[str], Transport]]]
"""Serves services by name for a block, and gives the transport to each of them."""

T = TypeVar("T")
E = TypeVar("E", bound=ServiceError)

_PATIENCE: Final = 10.0
"""Seconds in which happens what must happen."""


@contextlib.asynccontextmanager
async def workbench(place: Place) -> AsyncGenerator[Workbench]:
    """Serve two workbenches, the first of which calls the second; give a client of the first."""
    near, far = WorkbenchService(), WorkbenchService()
    async with place({"near": near, "far": far}) as transport:
        near.other = client(Workbench, transport("far"))
        yield client(Workbench, transport("near"))


async def soon(awaitable: Awaitable[T]) -> T:
    """Await something that must happen, but not for ever."""
    async with asyncio.timeout(_PATIENCE):
        return await awaitable


async def raised(kind: type[E], awaitable: Awaitable[object]) -> E:
    """Return the error of exactly that class that a call raises."""
    try:
        got = await soon(awaitable)
    except ServiceError as error:
        if type(error) is kind:
            return error
        raise AssertionError(f"{kind.__name__} was not raised, but {error!r}") from error
    raise AssertionError(f"{kind.__name__} was not raised; the call returned {got!r}")


async def failure(awaitable: Awaitable[object]) -> Exception | None:
    """Return what an awaitable raises."""
    try:
        await soon(awaitable)
    except Exception as error:
        return error
    return None


@contextlib.contextmanager
def silenced() -> Any:
    """Keep what a bug of a handler logs out of a test's output."""
    log = logging.getLogger("freestone.call")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


async def call(method: Callable[[], Awaitable[T]]) -> T:
    """Call and await: some transports find out at the one, some at the other."""
    return await method()


async def runs_out(bench: Workbench, name: str, call: Callable[[], Awaitable[object]]) -> None:
    """Make a call that goes on until its deadline, and see that the callee was ended by it.

    On a machine that stands still the deadline may pass before the call has begun; then it is made again, with more.
    """

    async def hurried(seconds: float) -> None:
        async with deadline(seconds):
            await call()

    for seconds in (0.05, 0.5, 5.0):
        await raised(DeadlineExceeded, hurried(seconds))
        try:
            async with asyncio.timeout(1.0):
                await bench.began(name)
        except TimeoutError:
            continue
        break
    assert await soon(bench.ended(name)) == 1


async def close(items: AsyncIterator[object]) -> None:
    """End a stream before its end."""
    await cast(Any, items).aclose()
