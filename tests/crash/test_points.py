"""A process dies at each of the points where something could be lost or done twice: one after the other."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger.accounts.contract import Accounts

from .audit import audit
from .running import Bank, bank
from .transfers import ACCOUNTS, AMOUNT, Book, keep_moving

POINTS = {
    "before the commit": "accounts/committing[transfer]:5",
    "in the commit": "accounts/submitted[transfer]:5",
    "between the commit and the answer": "accounts/committed[transfer]:5",
    "between the commit and the broker": "accounts/leaving[accounts]:5",
    "between the broker and its acknowledgement": "accounts/sent[freestone_bank]:5",
    "between the acknowledgement and the mark": "accounts/acknowledged[accounts]:5",
    "between a handler and its commit": "journal/committing[note]:5",
    "in a handler's commit": "journal/submitted[note]:5",
    "between a handler's commit and its cursor": "journal/committed[note]:5",
}
ENGINES = ("sqlite", "postgresql")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("engine", ENGINES)
async def test_nothing_is_lost_or_done_twice_by_processes_that_die_at_each_point(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked is answered, and the books agree, though the application has died in each of the ways."""
    await die_at(list(POINTS.values()), engine, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.timeout(180)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("point", [pytest.param(point, id=name) for name, point in POINTS.items()])
async def test_nothing_is_lost_or_done_twice_by_a_process_that_dies_there(
    engine: str, point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same, with each of them alone."""
    await die_at([point], engine, tmp_path, monkeypatch)


async def die_at(points: Sequence[str], engine: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Move money until processes have died at each of the points, and then some more; and hold the books together."""
    async with bank(engine, directory, random.Random(1), monkeypatch, crash_at=points) as it:
        accounts = it.application.client(Accounts)
        for name in ACCOUNTS:
            await accounts.open(name, AMOUNT)
        book, stop = Book(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for worker in range(3):
                moving = keep_moving(accounts, book, worker, stop, most=2000, chance=random.Random(worker))
                group.create_task(moving)
            async with asyncio.timeout(150):
                while len(set(it.application.crashes)) < len(points) or len(book.accepted) <= 10:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            stop.set()
        await audit(it, book)
    assert set(it.application.crashes) == set(points)
    for point in points:
        taken = TAKEN.get((engine, point.partition("[")[0])) or TAKEN.get(("", point.partition("[")[0]))
        if taken is not None:
            assert taken(it), f"nobody has noticed that a process died at {point}"


def _recalled(it: Bank) -> bool:
    """Whether a command was sent again that had taken effect."""
    return it.announced()["ReplyRecalled"] > 0


def _sent_again(it: Bank) -> bool:
    """Whether NATS was sent an event that it had."""
    return any("EventsAppended(" in line and "duplicates=0" not in line for line in it.said)


def _delivered_again(it: Bank) -> bool:
    """Whether a subscription was given an event that it had taken in."""
    return it.announced()["EventAbsorbed"] > 0


TAKEN = {
    ("postgresql", "accounts/submitted"): _recalled,
    ("postgresql", "journal/submitted"): _delivered_again,
    ("", "accounts/committed"): _recalled,
    ("", "accounts/sent"): _sent_again,
    ("", "accounts/acknowledged"): _sent_again,
    ("", "journal/committed"): _delivered_again,
}
"""By what a run shows that what is rare has happened: that the effect was there, and was asked for again. In the midst
of a commit that is certain only on PostgreSQL, which goes on without the process."""
