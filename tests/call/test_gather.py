"""Several calls at once, under one deadline; near and far."""

from __future__ import annotations

import asyncio
import gc
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from freestone.call import Transport, client, gather, gather_all, settle
from freestone.errors import DeadlineExceeded, NotFound
from freestone.service import deadline
from freestone.testing.conformance.workbench import Bent, Tool, Workbench, WorkbenchService

PATIENCE = 10.0
Served = Callable[[object], AbstractAsyncContextManager[Transport]]


@pytest.fixture
async def bench(served: Served) -> AsyncGenerator[Workbench]:
    async with served(WorkbenchService()) as transport:
        yield client(Workbench, transport)


async def soon(awaitable: Awaitable[object]) -> None:
    async with asyncio.timeout(PATIENCE):
        await awaitable


def nothing_is_left() -> None:
    """No task but this one runs that a call was made in."""
    left = {task for task in asyncio.all_tasks() if "gather" in repr(task.get_coro())}
    assert left <= {asyncio.current_task()}


async def test_results_are_in_the_order_of_the_calls(bench: Workbench) -> None:
    """Each with the type of its call; none is fine too."""
    one, two, three = await gather(bench.same(Tool("saw")), bench.blob(b"ab"), bench.kept())
    assert (one, two, three) == ([Tool("saw")], b"ba", [])
    assert await gather() == ()


async def test_calls_are_made_at_once(bench: Workbench) -> None:
    """One waits for what another does."""
    task = asyncio.ensure_future(gather(bench.began("a"), bench.wait("a"), seconds=PATIENCE))
    await soon(bench.began("a"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await soon(bench.ended("a"))
    nothing_is_left()


async def test_the_first_failure_is_raised_as_itself_and_cancels_the_others(bench: Workbench) -> None:
    """No group, and its cause is kept."""
    with pytest.raises(Bent) as caught:
        await gather(bench.wait("other"), after(bench.began("other"), bench.fail("declared")), bench.wait("third"))
    assert caught.value.tools == ("saw", "file")
    await soon(bench.ended("other"))
    nothing_is_left()


async def after(first: Awaitable[object], then: Awaitable[object]) -> object:
    await first
    return await then


async def test_a_failure_keeps_its_cause() -> None:
    """It is the very exception, as it was raised."""

    async def fail() -> None:
        raise NotFound("gone") from KeyError("why")

    with pytest.raises(NotFound) as caught:
        await gather(fail())
    assert isinstance(caught.value.__cause__, KeyError)


async def test_all_calls_have_one_deadline(bench: Workbench) -> None:
    """When it passes, every callee is cancelled."""
    with pytest.raises(DeadlineExceeded):
        await gather(bench.wait("a"), bench.wait("b"), seconds=0.5)
    await soon(bench.ended("a"))
    await soon(bench.ended("b"))


async def test_a_nearer_deadline_stays(bench: Workbench) -> None:
    """As in a deadline block."""
    async with deadline(2):
        (standing,) = await gather(bench.standing(), seconds=60)
    assert standing.seconds <= 2
    (standing,) = await gather(bench.standing(), seconds=3)
    assert 2 < standing.seconds <= 3
    (standing,) = await gather(bench.standing(), seconds=math.inf)
    assert standing.seconds == math.inf


async def test_a_failure_leaves_no_mark_on_its_caller() -> None:
    """A task that caught it is not cancelled, and its own timeouts work."""

    async def fail() -> None:
        raise NotFound("gone")

    me = asyncio.current_task()
    assert me is not None
    with pytest.raises(NotFound):
        await gather(fail(), asyncio.Event().wait())
    assert me.cancelling() == 0


async def test_who_is_cancelled_while_a_call_fails_is_cancelled() -> None:
    """A failure at the same moment does not hide it."""
    entered = asyncio.Event()

    async def stubborn() -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise NotFound("while it was cancelled")

    task = asyncio.ensure_future(gather(stubborn()))
    await soon(entered.wait())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.filterwarnings("error")
async def test_calls_that_were_not_begun_are_closed() -> None:
    """Python has nothing to warn of."""

    async def fail() -> None:
        raise NotFound("at once")

    async def never() -> None:
        raise AssertionError

    with pytest.raises(NotFound):
        await gather_all([fail(), never(), never()], at_once=1)
    task = asyncio.ensure_future(gather(never(), never()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gc.collect()


async def test_settle_returns_errors_as_values(bench: Workbench) -> None:
    """And lets the others end."""
    one, two, three = await settle(bench.fail("missing"), bench.blob(b"ab"), bench.fail("declared"))
    assert isinstance(one, NotFound)
    assert two == b"ba"
    assert isinstance(three, Bent)


async def test_settle_keeps_what_came_in_time(bench: Workbench) -> None:
    """What did not is DeadlineExceeded, and its callee is cancelled."""
    one, two = await settle(bench.wait("slow"), bench.blob(b"ab"), seconds=1)
    assert isinstance(one, DeadlineExceeded)
    assert two == b"ba"
    await soon(bench.ended("slow"))


async def test_settle_does_not_keep_bugs() -> None:
    """An exception that is no ServiceError is raised."""

    async def bug() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await settle(bug())


async def test_many_calls_are_made_a_few_at_once() -> None:
    """A generator makes the next call when there is room for it."""
    running = most = 0

    async def call(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(number % 3):
            await asyncio.sleep(0)
        running -= 1
        return number

    made: list[int] = []

    def calls() -> Iterator[Awaitable[int]]:
        for number in range(50):
            assert running < 4
            made.append(number)
            yield call(number)

    assert await gather_all(calls(), at_once=4) == tuple(range(50))
    assert most == 4
    assert await gather_all([call(1), call(2)], at_once=100) == (1, 2)
    assert await gather_all([]) == ()


async def test_a_failure_ends_many_calls(bench: Workbench) -> None:
    """Nothing more is made."""
    made: list[str] = []

    def calls() -> Iterator[Awaitable[object]]:
        for how in ("declared", *("never" for _ in range(20))):
            made.append(how)
            yield bench.fail(how) if how == "declared" else bench.wait(how)

    with pytest.raises(Bent):
        await gather_all(calls(), at_once=2)
    assert len(made) == 2
    nothing_is_left()


async def test_the_making_of_a_call_may_fail() -> None:
    """As the call itself may."""

    def calls() -> Iterator[Awaitable[int]]:
        raise NotFound("no such call")
        yield asyncio.sleep(0, 1)

    with pytest.raises(NotFound):
        await gather_all(calls())


async def test_at_least_one_call_is_made_at_once() -> None:
    """Zero would wait for ever."""
    with pytest.raises(ValueError, match="at_once is 1 or more, not 0"):
        await gather_all([], at_once=0)
