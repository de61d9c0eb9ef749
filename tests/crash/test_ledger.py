"""The crash test: money moves between accounts and into a journal, while everything is killed again and again.

At the end nothing may have been lost, and nothing may have happened twice. A run says its seed, and counts only if the
rare paths were really taken.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from ledger.accounts.contract import Accounts

from .audit import audit
from .chaos import havoc
from .running import Bank, bank
from .transfers import ACCOUNTS, AMOUNT, Book, keep_moving

KILLS = 50
WORKERS = 6
MOST = 600
"""Transfers of each worker; the kills are over before."""
PAUSE = 0.4
"""Seconds between two kills, about."""
RARE = {
    "sqlite": ("EventAbsorbed", "ReplyRecalled", "ReadingResumed", "PartitionsShared"),
    "postgresql": ("EventAbsorbed", "ReplyRecalled", "ReadingResumed", "PartitionsShared", "HandlerRepeated"),
}
"""What a run must have seen: an event that came twice, a command that came twice, a broker that came back, partitions
that moved; and on PostgreSQL, where transactions run side by side, one that lost a race and was run again."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_money_is_neither_lost_nor_made_whatever_is_killed(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty kills of services, database and broker: each accepted transfer has happened once, in both services."""
    seed = int(os.environ.get("LEDGER_SEED") or random.SystemRandom().randrange(10**6))
    print(f"LEDGER_SEED={seed}")
    chance = random.Random(seed)
    async with bank(engine, tmp_path, chance, monkeypatch) as it:
        accounts = it.application.client(Accounts)
        for name in ACCOUNTS:
            await accounts.open(name, AMOUNT)
        book, stop = Book(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for worker in range(WORKERS):
                other = random.Random(seed + worker)
                group.create_task(keep_moving(accounts, book, worker, stop, most=MOST, chance=other))
            struck = await havoc(it.victims, KILLS, chance, PAUSE, lambda: not missed(it, engine))
            stop.set()
        await audit(it, book)
    assert struck.total() >= KILLS
    assert min(struck[victim.name] for victim in it.victims) >= 3, struck
    assert len(book.rejected) > 10
    assert len(book.accepted) > 50
    assert not missed(it, engine)


def missed(it: Bank, engine: str) -> list[str]:
    """Return which of the rare paths were not taken yet."""
    announced = it.announced()
    return [name for name in RARE[engine] if not announced[name]]
