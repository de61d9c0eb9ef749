"""A chain of four services, each in a process of its own: when the caller gives up, all of it ends."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from freestone import deadline, errors
from freestone.app import load
from freestone.testing import Processes, processes

TRIES = 10
BOUND = 0.05
"""Seconds in which the last of them has to have ended, on a machine that does nothing else."""

FILE = """
name = "chain"

[services]
first  = "chain:FirstService"
second = "chain:SecondService"
third  = "chain:ThirdService"
fourth = "chain:FourthService"
"""

CODE = """
import asyncio
import os
import time

from freestone import Contract, query, service


def note(name: str, what: str, run: int) -> None:
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"{name} {what} {run} {time.monotonic()}\\n")


class First(Contract):
    @query
    async def work(self, run: int) -> None: ...


class Second(Contract):
    @query
    async def work(self, run: int) -> None: ...


class Third(Contract):
    @query
    async def work(self, run: int) -> None: ...


class Fourth(Contract):
    @query
    async def work(self, run: int) -> None: ...


@service
class FirstService(First):
    below: Second

    async def work(self, run: int) -> None:
        note("first", "began", run)
        try:
            await self.below.work(run)
        finally:
            note("first", "ended", run)


@service
class SecondService(Second):
    below: Third

    async def work(self, run: int) -> None:
        note("second", "began", run)
        try:
            await self.below.work(run)
        finally:
            note("second", "ended", run)


@service
class ThirdService(Third):
    below: Fourth

    async def work(self, run: int) -> None:
        note("third", "began", run)
        try:
            await self.below.work(run)
        finally:
            note("third", "ended", run)


@service
class FourthService(Fourth):
    async def work(self, run: int) -> None:
        note("fourth", "began", run)
        try:
            await asyncio.Event().wait()
        finally:
            note("fourth", "ended", run)
"""


@pytest_asyncio.fixture
async def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Processes]:
    """The four, cut everywhere."""
    (tmp_path / "freestone.toml").write_text(FILE)
    (tmp_path / "chain.py").write_text(CODE)
    (tmp_path / "notes").touch()
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        async with processes(load(cwd=tmp_path), "cut-everywhere", tmp_path / "home") as it:
            yield it
    finally:
        sys.modules.pop("chain", None)


class Notes:
    """What the four have written down."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, what: str, run: int) -> dict[str, float]:
        """Return who has noted that, and when."""
        lines = [line.split() for line in self._path.read_text().splitlines()]
        return {name: float(at) for name, said, number, at in lines if (said, number) == (what, str(run))}

    async def begun(self, run: int) -> None:
        """Wait until all four have begun."""
        await self._until(lambda: len(self.read("began", run)) == 4)

    async def ended(self, run: int) -> dict[str, float]:
        """Wait until all that have begun have ended, and return when."""
        await self._until(lambda: len(self.read("ended", run)) == len(self.read("began", run)))
        return self.read("ended", run)

    @staticmethod
    async def _until(is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not is_so():  # noqa: ASYNC110 - the others are processes, which say it in a file
                await asyncio.sleep(0.005)


@pytest.mark.timeout(120)
async def test_a_chain_of_processes_ends_when_its_caller_gives_up(chain: Processes, tmp_path: Path) -> None:
    """Everywhere, each time; and within 50 ms, which a machine that was held up in one try shows in another."""
    first = chain.client(chain.app.services["first"].contract)
    notes, lags = Notes(tmp_path / "notes"), list[float]()
    for run in range(TRIES):
        async with deadline(60):
            call = asyncio.ensure_future(first.work(run))  # type: ignore[attr-defined]
        await notes.begun(run)
        given_up = time.monotonic()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        ended = await notes.ended(run)
        lags.append(max(ended.values()) - given_up)
    assert min(lags) < BOUND


@pytest.mark.timeout(120)
async def test_a_chain_of_processes_ends_at_the_deadline_of_its_caller(chain: Processes, tmp_path: Path) -> None:
    """It is the same moment for all four, which travels as what is left of it."""
    first = chain.client(chain.app.services["first"].contract)
    notes, lags = Notes(tmp_path / "notes"), list[float]()
    for run in range(TRIES):
        over = time.monotonic() + 0.5
        with pytest.raises(errors.DeadlineExceeded):
            async with deadline(0.5):
                await first.work(run)  # type: ignore[attr-defined]
        ended = await notes.ended(run)
        if len(ended) == 4:  # where the machine was so slow that not all had begun, it says little
            lags.append(max(ended.values()) - over)
    assert min(lags) < BOUND
