"""A process dies at each of the points where something could be lost or done twice: one after the other."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from ledger.accounts.contract import Accounts

from .audit import audit
from .running import bank
from .transfers import ACCOUNTS, AMOUNT, Book, keep_moving

POINTS = {
    "before the commit": "accounts/committing[transfer]:5",
    "in the commit": "accounts/committing[transfer]:5+0.2",
    "between the commit and the answer": "accounts/committed[transfer]:5",
    "between the commit and the broker": "accounts/leaving[accounts]:5",
    "between the broker and its acknowledgement": "accounts/leaving[accounts]:5+0.5",
    "between the acknowledgement and the mark": "accounts/acknowledged[accounts]:5",
    "between a handler and its commit": "journal/committing[note]:5",
    "between a handler's commit and its cursor": "journal/committed[note]:5",
}

ALWAYS = (
    "between the commit and the answer",
    "between the acknowledgement and the mark",
    "between a handler's commit and its cursor",
)
WHERE = [
    pytest.param(point, id=name, marks=() if name in ALWAYS else pytest.mark.thorough) for name, point in POINTS.items()
]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("point", WHERE)
async def test_nothing_is_lost_or_done_twice_by_a_process_that_dies_there(
    engine: str, point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked is answered, and the books agree."""
    async with bank(engine, tmp_path, random.Random(1), monkeypatch, crash_at=[point]) as it:
        accounts = it.application.client(Accounts)
        for name in ACCOUNTS:
            await accounts.open(name, AMOUNT)
        book, stop = Book(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for worker in range(3):
                moving = keep_moving(accounts, book, worker, stop, most=20, chance=random.Random(worker))
                group.create_task(moving)
        await audit(it.application, book)
        assert point in it.application.crashes
    assert len(book.accepted) > 10
