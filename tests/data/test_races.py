"""Races that a transaction loses: how they are told, and what runs again."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Generator
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from freestone.data import Database
from freestone.errors import Aborted, NotFound
from freestone.service import MOST_REPETITIONS
from freestone.signals import SIGNALS, HandlerRepeated, Signal

LOST = "is locked by another process|was changed by another transaction at the same time"


def busy() -> OperationalError:
    """Return what SQLAlchemy raises when somebody else was faster."""
    origin = sqlite3.OperationalError("database is locked")
    origin.sqlite_errorcode = sqlite3.SQLITE_BUSY_SNAPSHOT
    return OperationalError("SELECT 1", {}, origin)


async def beaten(session: AsyncSession) -> None:
    """Lose a race, as the database says it."""
    if (await session.connection()).dialect.name == "sqlite":
        raise busy()
    await session.execute(text("DO $$ BEGIN RAISE 'lost' USING ERRCODE = 'serialization_failure'; END $$"))


@contextlib.contextmanager
def on_repetition(act: Callable[[], None]) -> Generator[list[HandlerRepeated]]:
    signals: list[HandlerRepeated] = []

    def observe(signal: Signal) -> None:
        if isinstance(signal, HandlerRepeated):
            signals.append(signal)
            act()

    SIGNALS.subscribe(observe)
    try:
        yield signals
    finally:
        SIGNALS.unsubscribe(observe)


async def lose(db: Database) -> None:
    """Have a statement of the current transaction lose its race."""

    async with db.transaction() as transaction:
        await transaction.run(beaten)


async def test_a_statement_that_lost_says_so(db: Database, handler: Any) -> None:
    with pytest.raises(Aborted, match=LOST) as caught:
        async with handler("deposit"):
            await lose(db)
    assert caught.value.lost_race


async def test_a_transaction_that_was_broken_by_a_race_says_so_at_each_use(db: Database, handler: Any) -> None:
    """Also a handler that has caught the first error and goes on is run again."""
    with pytest.raises(Aborted, match="was broken off") as caught:
        async with handler("deposit"):
            with contextlib.suppress(Aborted):
                await lose(db)
    assert caught.value.lost_race


async def test_what_was_cut_short_has_not_lost_a_race(db: Database, handler: Any) -> None:
    with pytest.raises(Aborted, match="was broken off") as caught:
        async with handler("deposit"):
            with contextlib.suppress(NotFound):
                async with db.transaction():
                    raise NotFound("half of a block")
    assert not caught.value.lost_race


async def test_a_block_that_loses_says_that_it_can_not_be_run_again(db: Database) -> None:
    with pytest.raises(Aborted) as caught:
        async with db.transaction() as transaction:
            await transaction.run(beaten)
    assert re.fullmatch(
        rf"the database bank ({LOST}); a block can't be run again: give what is to be, to transact\(\)",
        str(caught.value),
    )
    assert caught.value.lost_race


async def test_work_that_loses_is_done_again(db: Database, account: Any) -> None:
    """In a new transaction each time; of those that lost nothing is left."""
    runs = 0

    async def open_an_account() -> int:
        nonlocal runs
        runs += 1
        db.add(account(id=runs, owner=f"ada {runs}"))
        await db.flush()
        if runs < 3:
            await lose(db)
        return runs

    with on_repetition(lambda: None) as signals:
        assert await db.transact(open_an_account) == 3
    assert [signal.run for signal in signals] == [1, 2]
    async with db.transaction():
        assert list(await db.scalars(select(account.id))) == [3]


async def test_work_that_loses_each_time_is_given_up(db: Database) -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        await lose(db)

    with pytest.raises(Aborted):
        await db.transact(work)
    assert runs == 1 + MOST_REPETITIONS


async def test_another_error_is_raised_at_once(db: Database) -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        raise NotFound("nobody")

    with pytest.raises(NotFound):
        await db.transact(work)
    assert runs == 1


async def test_work_in_a_handler_is_part_of_its_transaction(db: Database, handler: Any, account: Any) -> None:
    """It is the handler that is run again."""
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        db.add(account(id=1, owner="ada"))
        await lose(db)

    with pytest.raises(Aborted) as caught:
        async with handler("deposit"):
            await db.transact(work)
    assert caught.value.lost_race
    assert runs == 1
