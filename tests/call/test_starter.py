"""Calls that are started at once: whatever runs in them finds what it would find in a plain task.

Every test runs with each of the ways to start that this version of Python has, plain tasks among them: they are what
the others are held to.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import traceback
import types
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any

import pytest
import uvloop

from freestone.call.policy import Habit
from freestone.call.starter import EagerStarter, LendingStarter, PlainStarter, Starter, starter

WAYS: list[Callable[[asyncio.AbstractEventLoop], Starter]] = [PlainStarter]
if sys.version_info >= (3, 12):
    WAYS.append(EagerStarter)
else:
    WAYS.append(LendingStarter)

VARIABLE: ContextVar[str] = ContextVar("test", default="outside")
Work = Coroutine[Any, Any, None]


class Calls:
    """Starts calls as a server does: from a callback of the loop, in which no task runs."""

    def __init__(self, way: Starter) -> None:
        self.way = way
        self.loop = asyncio.get_running_loop()

    def start(self, *works: Work) -> Awaitable[list[asyncio.Task[None] | None]]:
        """Start them in one callback, each as the first of its operation; return their tasks."""
        started: asyncio.Future[list[asyncio.Task[None] | None]] = self.loop.create_future()

        def callback() -> None:
            started.set_result([self.way.start(work, Habit()) for work in works])

        self.loop.call_soon(callback)
        return started

    async def run(self, *works: Work) -> None:
        """Start them, and wait until each has ended."""
        await self.end(await self.start(*works))

    async def end(self, tasks: list[asyncio.Task[None] | None]) -> None:
        """Wait until each has ended, at most five seconds."""
        waiting = [task for task in tasks if task is not None]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=5)
            assert not late


@pytest.fixture(params=WAYS, ids=lambda way: str(way.__name__))
async def calls(request: pytest.FixtureRequest) -> AsyncIterator[Calls]:
    way: Starter = request.param(asyncio.get_running_loop())
    await asyncio.sleep(0.001)  # a spare is ready
    yield Calls(way)
    way.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture(params=[False, True], ids=["ends at once", "waits"])
def waits(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def test_a_call_that_does_not_wait_is_over_when_it_was_started(calls: Calls) -> None:
    """Unless it was given a task, which begins in the next turn."""
    seen: list[int] = []

    async def work(number: int) -> None:
        seen.append(number)

    tasks = await calls.start(*(work(number) for number in range(100)))
    if not isinstance(calls.way, PlainStarter):
        assert tasks == [None] * 100
    await calls.end(tasks)
    assert seen == list(range(100))


async def test_a_call_that_waits_goes_on_as_a_task(calls: Calls) -> None:
    """For a future, for a turn of the loop, for another task, and again."""
    seen: list[object] = []

    async def other() -> str:
        await asyncio.sleep(0)
        return "other"

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        seen.append(number)
        await asyncio.sleep(0.001)
        seen.append(await asyncio.create_task(other()))
        with pytest.raises(ValueError, match="failed"):
            await failing()
        seen.append("end")

    async def failing() -> None:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, ValueError("failed"))
        await future

    await calls.run(work(1))
    assert seen == [1, "other", "end"]
    await calls.run(work(1), work(2), work(3))
    assert seen.count("end") == 4


async def test_a_timeout_ends_what_it_is_around(calls: Calls) -> None:
    """Also one that was entered before the call first waited, and also one that is over already."""
    seen: list[str] = []

    async def work(seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await asyncio.Event().wait()
        except TimeoutError:
            seen.append("timeout")
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()
        await asyncio.sleep(0)
        seen.append("went on")

    await calls.run(work(0.01), work(0), work(-1))
    assert seen.count("timeout") == seen.count("went on") == 3


async def test_a_timeout_that_is_left_in_time_cancels_nobody(calls: Calls) -> None:
    """Not the next call either."""
    seen: list[str] = []

    async def quick() -> None:
        async with asyncio.timeout(0.001):  # noqa: ASYNC100 - it is left in time
            pass

    async def slow() -> None:
        await asyncio.sleep(0.01)
        seen.append("slow")

    await calls.run(*(quick() for _ in range(5)), slow(), slow())
    assert seen == ["slow", "slow"]


async def test_a_timeout_that_is_never_left_cancels_its_own_call_alone(calls: Calls) -> None:
    """A call that has ended, with a timer that still points to its task, does no harm to the next."""
    seen: list[str] = []
    kept: list[object] = []

    async def careless() -> None:
        timeout = asyncio.timeout(0.001)
        await timeout.__aenter__()
        kept.append(timeout)

    async def slow() -> None:
        await asyncio.sleep(0.01)
        seen.append("slow")

    await calls.run(careless(), slow(), careless(), slow())
    assert seen == ["slow", "slow"]


async def test_a_task_group_waits_for_its_children(calls: Calls) -> None:
    """One that was entered before the call first waited."""
    seen: list[int] = []

    async def child(number: int) -> None:
        await asyncio.sleep(0)
        seen.append(number)

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(child(number))
        seen.append(3)

    await calls.run(work())
    assert seen == [0, 1, 2, 3]


async def test_a_task_group_cancels_its_parent_when_a_child_fails(calls: Calls) -> None:
    """And the parent can go on afterwards."""
    seen: list[str] = []

    async def child() -> None:
        raise ValueError("child")

    async def work() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(child())
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    seen.append("cancelled")
                    raise
        except* ValueError:
            seen.append("failed")
        await asyncio.sleep(0)
        seen.append("went on")

    await calls.run(work())
    assert seen == ["cancelled", "failed", "went on"]


async def test_a_call_that_waits_can_be_cancelled(calls: Calls) -> None:
    """What it waits for is cancelled with it, and nothing else is."""
    waited: asyncio.Future[None] = calls.loop.create_future()
    begun, seen = asyncio.Event(), []

    async def work() -> None:
        begun.set()
        try:
            await waited
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def other() -> None:
        await asyncio.sleep(0.01)
        seen.append("other")

    tasks = await calls.start(work(), other())
    await begun.wait()
    assert tasks[0] is not None
    tasks[0].cancel()
    await calls.end(tasks)
    assert seen == ["cancelled", "other"]
    assert waited.cancelled()
    assert tasks[0].cancelled()


@pytest.mark.parametrize("way_to_wait", ["future", "turn", "task"])
async def test_a_call_that_cancels_itself_is_cancelled_where_it_first_waits(calls: Calls, way_to_wait: str) -> None:
    """As a plain task is, together with what it waits for."""
    waited: asyncio.Future[None] = calls.loop.create_future()
    seen: list[str] = []

    async def child() -> None:
        await waited

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            match way_to_wait:
                case "future":
                    await waited
                case "turn":
                    await asyncio.sleep(0)
                case _:
                    await asyncio.create_task(child())
        except asyncio.CancelledError:
            seen.append("cancelled")
        else:
            seen.append("not cancelled")
        await asyncio.sleep(0)
        seen.append("went on")

    await calls.run(work())
    assert seen == ["cancelled", "went on"]
    assert waited.cancelled() is (way_to_wait == "future")
    waited.cancel()


async def test_a_call_that_cancels_itself_and_ends_cancels_no_other(calls: Calls) -> None:
    """The next one is in another task."""
    seen: list[str] = []

    async def rash() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async def calm() -> None:
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()
        await asyncio.sleep(0)
        seen.append("calm")

    await calls.run(rash(), calm(), rash(), rash(), calm())
    assert seen == ["calm", "calm"]


async def test_a_call_that_takes_its_cancellation_back_goes_on(calls: Calls) -> None:
    """``uncancel`` counts as in a plain task."""
    seen: list[int] = []

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        seen.append(task.cancelling())
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            seen.append(task.uncancel())
        await asyncio.sleep(0)
        seen.append(task.cancelling())

    await calls.run(work())
    assert seen == [1, 0, 0]


async def test_context_variables_are_the_calls_own(calls: Calls, waits: bool) -> None:
    """What one sets no other sees, nor does whoever started it; and it stays set while the call waits."""
    seen: list[str] = []

    async def work(value: str) -> None:
        seen.append(VARIABLE.get())
        VARIABLE.set(value)
        if waits:
            await asyncio.sleep(0.001)
            await asyncio.sleep(0)
        assert VARIABLE.get() == value

    await calls.run(*(work(str(number)) for number in range(5)))
    assert seen == ["outside"] * 5
    assert VARIABLE.get() == "outside"


async def test_a_call_has_one_task_from_its_beginning_to_its_end(calls: Calls) -> None:
    """A real one, which ``all_tasks`` knows."""
    seen: list[object] = []

    async def work() -> None:
        task = asyncio.current_task()
        assert isinstance(task, asyncio.Task)
        assert task in asyncio.all_tasks()
        assert task.get_loop() is asyncio.get_running_loop()
        await asyncio.sleep(0.001)
        assert asyncio.current_task() is task
        seen.append(task)

    tasks = await calls.start(work(), work())
    await calls.end(tasks)
    assert seen == tasks
    assert len(set(seen)) == 2


async def test_calls_that_keep_their_task_have_different_ones(calls: Calls, waits: bool) -> None:
    """As a session that belongs to ``current_task()`` relies on; and each is done when its call has ended."""
    strong: list[Any] = []
    weak: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    async def work(keep: Callable[[Any], object]) -> None:
        keep(asyncio.current_task())
        if waits:
            await asyncio.sleep(0)

    def keep_weakly(task: Any) -> None:
        assert task not in weak
        weak[task] = len(weak)

    for _ in range(5):
        await calls.run(work(strong.append), work(keep_weakly), work(strong.append))
    await asyncio.sleep(0.001)
    assert len({id(task) for task in strong}) == 10
    assert all(task.done() and not task.cancelled() for task in strong)
    del strong[:]
    gc.collect()
    await asyncio.sleep(0)
    assert not list(weak)


async def test_what_is_to_happen_when_the_task_is_done_happens(calls: Calls, waits: bool) -> None:
    """A library may clean up in a callback of the current task."""
    cleaned: list[int] = []

    async def work(number: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda _: cleaned.append(number))
        if waits:
            await asyncio.sleep(0)

    for number in range(3):
        await calls.run(work(number))
    await asyncio.sleep(0.001)
    assert cleaned == [0, 1, 2]


async def test_the_name_that_a_call_gives_its_task_is_not_the_next_ones(calls: Calls) -> None:
    """A name is a label of one call."""
    seen: list[str] = []

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        seen.append(task.get_name())
        task.set_name("mine")

    for _ in range(3):
        await calls.run(work())
    assert "mine" not in seen


async def test_a_later_cancellation_of_a_call_that_has_ended_does_nothing(calls: Calls) -> None:
    """Whoever kept the task may cancel it at any time."""
    kept: list[Any] = []
    seen: list[str] = []

    async def ended() -> None:
        kept.append(asyncio.current_task())

    async def working() -> None:
        await asyncio.sleep(0.01)
        seen.append("worked")

    await calls.run(ended())
    tasks = await calls.start(working())
    for task in kept:
        task.cancel()
    await calls.end(tasks)
    assert seen == ["worked"]


async def test_a_call_that_is_started_by_a_task_works_as_well(calls: Calls) -> None:
    """The task that started it is the current one again afterwards."""
    seen: list[object] = []

    async def work() -> None:
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())

    here = asyncio.current_task()
    task = calls.way.start(work(), Habit())
    assert asyncio.current_task() is here
    await calls.end([task])
    assert seen == [task, task]


async def test_a_traceback_leads_from_the_start_to_the_failure(calls: Calls, waits: bool) -> None:
    """It has the frames of the call, and those of the framework at most above."""
    seen: list[list[str]] = []

    async def deeper() -> None:
        if waits:
            await asyncio.sleep(0)
        raise ValueError("deep")

    async def work() -> None:
        try:
            await deeper()
        except ValueError as error:
            seen.append([frame.name for frame in traceback.extract_tb(error.__traceback__)])

    await calls.run(work())
    assert seen == [["work", "deeper"]]


async def test_a_debugger_sees_every_line(calls: Calls, waits: bool) -> None:
    """A function that traces hears of the lines before and after the call waits."""
    lines: list[str] = []

    async def work() -> None:
        first = waits
        if waits:
            await asyncio.sleep(0)
        last = first
        del last

    def trace(frame: types.FrameType, event: str, argument: object) -> Any:
        if frame.f_code is work.__code__:
            lines.append(f"{event} {frame.f_lineno - work.__code__.co_firstlineno}")
            return trace
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        await calls.run(work())
    finally:
        sys.settrace(before)
    assert [f"line {number}" for number in ((1, 2, 3, 4, 5) if waits else (1, 2, 4, 5))] == [
        line for line in lines if line.startswith("line")
    ]


async def test_what_cannot_be_awaited_is_an_error_of_the_call(calls: Calls) -> None:
    """As in a plain task: it is told what is wrong."""
    seen: list[str] = []

    class Odd:
        def __await__(self) -> Generator[Any, None, None]:
            yield "nothing of asyncio"

    async def work() -> None:
        try:
            await Odd()
        except RuntimeError as error:
            seen.append(str(error))

    await calls.run(work())
    assert seen == ["Task got bad yield: 'nothing of asyncio'"]


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_call_that_ends_the_program_ends_the_loop(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
    way: Callable[[asyncio.AbstractEventLoop], Starter],
    error: type[BaseException],
) -> None:
    """``sys.exit()`` in a handler, and Ctrl-C while one runs, are not swallowed by the connection."""

    async def work() -> None:
        raise error

    async def forever() -> None:
        it = way(asyncio.get_running_loop())
        await asyncio.sleep(0.001)
        asyncio.get_running_loop().call_soon(lambda: kept.append(it.start(work(), Habit())))
        await asyncio.sleep(5)

    kept: list[object] = []
    loop = loop_factory()
    main = loop.create_task(forever())
    try:
        with pytest.raises(error):
            loop.run_until_complete(main)
        for task in kept:
            if isinstance(task, asyncio.Task):
                task.exception()  # has been seen
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


async def test_a_habit_is_learned(calls: Calls) -> None:
    """Where a call that waits costs more when it was started at once, the next one is given a task."""
    habit, begun = Habit(), 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0)

    def begin() -> None:
        task = calls.way.start(work(), habit)
        at_once.append(begun == len(at_once) + 1)
        tasks.append(task)

    at_once: list[bool] = []
    tasks: list[asyncio.Task[None] | None] = []
    for _ in range(4):
        calls.loop.call_soon(begin)
        await asyncio.sleep(0.001)
    await calls.end(tasks)
    expected = {PlainStarter: [False] * 4, EagerStarter: [True] * 4, LendingStarter: [True, False, True, False]}
    assert at_once == expected[type(calls.way)]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="asyncio starts tasks at once itself")
async def test_the_spare_is_lent_again_and_again() -> None:
    """A call that ends at once, and of whose task nobody takes notice, makes none."""
    way = LendingStarter(asyncio.get_running_loop())
    await asyncio.sleep(0.001)
    seen: set[int] = set()

    async def work(number: int) -> None:
        seen.add(id(asyncio.current_task()))
        if number % 2:
            async with asyncio.timeout(1):  # noqa: ASYNC100 - it looks at its task
                pass
        if number % 3 == 0:
            try:
                raise ValueError(number)
            except ValueError:
                pass

    calls = Calls(way)
    for number in range(100):
        assert await calls.start(work(number)) == [None]
    assert len(seen) == 1
    way.close()


async def test_a_loop_in_debug_mode_has_plain_tasks() -> None:
    """Its tools know them."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    try:
        assert isinstance(starter(loop), PlainStarter)
    finally:
        loop.set_debug(False)
    assert not isinstance(starter(loop), PlainStarter)
