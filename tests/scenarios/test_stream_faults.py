"""Streams of each kind on a bad day: from the callee, to it, and both ways, in every placement, under every fault.

Each run prints its seed; ``FAULTS_SEED`` repeats it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from freestone import deadline, errors
from freestone.app import App, load
from freestone.testing import Placement, running
from freestone.testing.faults import Cut, Drop, Failure, Fault, FaultPlan, Faults, Latency, Refusal, Slow

FILE = """
name = "tally"

[services]
tally = "stream_faults:TallyService"
desk  = "stream_faults:DeskService"
"""
CODE = '''
from collections.abc import AsyncIterator

from freestone import Contract, command, query, service


class Tally(Contract):
    @query
    def numbers(self, to: int) -> AsyncIterator[int]:
        """Count."""

    @query
    async def sum(self, numbers: AsyncIterator[int]) -> int:
        """Return the sum."""

    @command
    async def record(self, name: str, numbers: AsyncIterator[int]) -> int:
        """Keep the sum under a name, and return it."""

    @query
    def doubled(self, numbers: AsyncIterator[int]) -> AsyncIterator[int]:
        """Return each of them twice as big."""

    @query
    async def kept(self, name: str) -> tuple[int, ...]:
        """Return what was kept under a name."""

    @query
    async def streaming(self) -> int:
        """Return how many streams are handled now."""


class Desk(Contract):
    @query
    async def through(self, to: int) -> tuple[int, list[int]]:
        """Return what the tally says of numbers that are made here: their sum, and each of them twice as big."""


async def numbers(to):
    for number in range(to):
        yield number


@service
class TallyService(Tally):
    async def start(self):
        self.books = {}
        self.running = 0

    async def numbers(self, to):
        self.running += 1
        try:
            for number in range(to):
                yield number
        finally:
            self.running -= 1

    async def sum(self, numbers):
        self.running += 1
        try:
            return sum([number async for number in numbers])
        finally:
            self.running -= 1

    async def record(self, name, numbers):
        total = await self.sum(numbers)
        self.books.setdefault(name, []).append(total)
        return total

    async def doubled(self, numbers):
        self.running += 1
        try:
            async for number in numbers:
                yield 2 * number
        finally:
            self.running -= 1

    async def kept(self, name):
        return tuple(self.books.get(name, ()))

    async def streaming(self):
        return self.running


@service
class DeskService(Desk):
    tally: Tally

    async def through(self, to):
        total = await self.tally.sum(numbers(to))
        return total, [number async for number in self.tally.doubled(numbers(to))]
'''

ON_EVERY_EDGE = {
    "late": Fault("late", Latency(0.001, spread=0.004), probability=0.5),
    "broken": Fault("broken", Failure(errors.Internal), probability=0.2),
    "lost-race": Fault("lost-race", Failure(errors.Aborted), probability=0.2),
    "refused": Fault("refused", Refusal(), probability=0.2),
    "silent": Fault("silent", Drop(), probability=0.1),
}
OVER_THE_WIRE = {
    "cut": Fault("cut", Cut(within=0.003), probability=0.1),
    "slow": Fault("slow", Slow(piece=64)),
}
EVERY = {**ON_EVERY_EDGE, **OVER_THE_WIRE}
ENDS: Mapping[str, tuple[type[errors.ServiceError], ...]] = {
    "late": (),
    "broken": (errors.Internal,),
    "lost-race": (errors.Aborted,),
    "refused": (errors.Unavailable,),
    "silent": (errors.DeadlineExceeded,),
    "cut": (errors.ConnectionLost,),
    "slow": (),
}
"""What a call may end with under each fault, and with nothing else."""
MOST = 30
"""Rounds in which every fault is met, if it is ever."""
PATIENCE = 30.0

Outcome: TypeAlias = "str | type[errors.ServiceError]"


def chosen_seed() -> int:
    return int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(2**32))


@pytest.fixture
def tally(tmp_path: Path) -> Iterator[App]:
    folder = tmp_path / "tally"
    folder.mkdir()
    (folder / "freestone.toml").write_text(FILE, "utf-8")
    (folder / "stream_faults.py").write_text(CODE, "utf-8")
    path = list(sys.path)
    yield load(folder)
    sys.path[:] = path
    sys.modules.pop("stream_faults", None)


class Day:
    """Streams, one after another or side by side, and what became of each."""

    def __init__(self, application: Any, app: App, ends: tuple[type[errors.ServiceError], ...]) -> None:
        self.tally: Any = application.client(app.services["tally"].contract)
        self.desk: Any = application.client(app.services["desk"].contract)
        self.ends = ends
        self.outcomes: list[Outcome] = []
        self.records: dict[str, Outcome] = {}
        self.making = 0

    async def numbers(self, to: int) -> AsyncIterator[int]:
        """Make numbers for a callee, and know whether one is still made."""
        self.making += 1
        try:
            for number in range(to):
                yield number
        finally:
            self.making -= 1

    async def _down(self, to: int) -> None:
        assert [number async for number in self.tally.numbers(to)] == list(range(to))

    async def _up(self, to: int) -> None:
        assert await self.tally.sum(self.numbers(to)) == sum(range(to))

    async def _both(self, to: int) -> None:
        assert [number async for number in self.tally.doubled(self.numbers(to))] == [2 * it for it in range(to)]

    async def _through(self, to: int) -> None:
        assert await self.desk.through(to) == (sum(range(to)), [2 * number for number in range(to)])

    async def _record(self, to: int) -> None:
        name = f"{len(self.records)}"
        self.records[name] = "under way"
        try:
            assert await self.tally.record(name, self.numbers(to)) == sum(range(to))
        except errors.ServiceError as error:
            self.records[name] = type(error)
            raise
        self.records[name] = "right"

    @property
    def ways(self) -> tuple[Callable[[int], Any], ...]:
        return (self._down, self._up, self._both, self._through, self._record)

    async def once(self, way: Callable[[int], Any], to: int) -> None:
        """Go one way, and note how it ended: as it should, or as the fault says."""
        outcome: Outcome = "right"
        try:
            async with deadline(PATIENCE if errors.DeadlineExceeded not in self.ends else 0.5):
                await way(to)
        except self.ends as error:
            outcome = type(error)
        self.outcomes.append(outcome)

    async def round(self, to: int = 40) -> None:
        """Go every way at the same time, two of them each way."""
        async with asyncio.TaskGroup() as group:
            for way in self.ways * 2:
                group.create_task(self.once(way, to))

    async def asked(self, ask: Callable[[], Any]) -> Any:
        """Ask until there is an answer."""
        while True:
            with contextlib.suppress(*self.ends):
                async with deadline(PATIENCE if errors.DeadlineExceeded not in self.ends else 1.0):
                    return await ask()

    async def is_right(self) -> None:
        """Nothing is done twice, and nothing that was said not to be; nothing goes on for a caller that is gone."""
        async with asyncio.timeout(PATIENCE):
            while await self.asked(self.tally.streaming) or self.making:  # noqa: ASYNC110 - it may be in other processes
                await asyncio.sleep(0.01)
        total = sum(range(40))
        for name, outcome in self.records.items():
            kept = await self.asked(lambda name=name: self.tally.kept(name))
            if outcome == "right":
                assert kept == (total,), name
            elif isinstance(outcome, type) and issubclass(outcome, errors.DidNotHappen):
                assert kept == (), name
            else:  # its deadline has passed, or nobody knows
                assert kept in ((), (total,)), name


def cases() -> list[object]:
    near = (Placement.LOCAL, Placement.CODEC)
    return [
        pytest.param(place, fault, id=f"{place.value}-{name}")
        for place in (*near, Placement.MEMORY)
        for name, fault in (ON_EVERY_EDGE if place in near else EVERY).items()
    ]


def test_no_fault_is_forgotten() -> None:
    """Whoever adds one is reminded of this file."""
    kinds = {Latency, Failure, Refusal, Drop, Cut, Slow}
    assert {type(fault.what) for fault in EVERY.values()} == kinds
    assert ENDS.keys() == EVERY.keys()


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("place", "fault"), cases())
async def test_streams_pass_under_each_fault(tally: App, place: Placement, fault: Fault, tmp_path: Path) -> None:
    """A stream is whole, or ends with the error of the fault; neither side goes on without the other."""
    seed = chosen_seed()
    print(f"FAULTS_SEED={seed}")  # pytest shows it with what fails
    faults = Faults(FaultPlan((fault,), seed))
    async with running(tally, place, directory=tmp_path, faults=faults) as application:
        day = Day(application, tally, ENDS[fault.name])
        met = 1 if day.ends else 0
        for _ in range(MOST):
            await day.round()
            if faults.taken[fault.name] and len({it for it in day.outcomes if it != "right"}) == met:
                break
        await day.is_right()
    assert faults.taken[fault.name] > 0, f"seed {seed}"
    assert set(day.outcomes) == {"right", *day.ends}, f"seed {seed}: {faults.report()}"


@pytest.mark.timeout(180)
async def test_streams_pass_among_processes_under_all_faults_at_once(tally: App, tmp_path: Path) -> None:
    """Each process injects its share."""
    seed = chosen_seed()
    print(f"FAULTS_SEED={seed}")
    plan = FaultPlan(tuple(EVERY.values()), seed)
    faults = Faults(plan)
    ends = tuple(dict.fromkeys(end for fault in EVERY for end in ENDS[fault]))
    async with running(tally, Placement.PROCESSES, directory=tmp_path, faults=faults) as application:
        day = Day(application, tally, ends)
        for _ in range(MOST):
            await day.round()
            if len(day.outcomes) >= 100 and {"right", *ends} == set(day.outcomes):
                break
        await day.is_right()
    assert set(faults.taken) == set(EVERY), f"seed {seed}: {faults.report()}"
    assert set(day.outcomes) == {"right", *ends}, f"seed {seed}"


@pytest.mark.parametrize("place", [Placement.LOCAL, Placement.CODEC, Placement.MEMORY])
async def test_a_seed_repeats_a_run_of_streams(tally: App, place: Placement, tmp_path: Path) -> None:
    """One after another, the same ones fail with the same errors; with another seed others do."""
    plan = [ON_EVERY_EDGE[name] for name in ("broken", "lost-race", "refused")]
    ends = tuple(end for fault in plan for end in ENDS[fault.name])

    async def run(seed: int, number: int) -> tuple[list[Outcome], list[str]]:
        faults = Faults(FaultPlan(tuple(plan), seed))
        async with running(tally, place, directory=tmp_path / str(number), faults=faults) as application:
            day = Day(application, tally, ends)
            for way in day.ways * 8:
                await day.once(way, 3)
        return day.outcomes, faults.report()

    first = await run(7, 1)
    assert await run(7, 2) == first
    assert (await run(8, 3))[0] != first[0]
    assert set(first[0]) == {"right", *ends}
