"""Statements of the framework's own go to the driver as they are, in the transaction of their place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Select, bindparam, func, insert, select

from freestone.data import Database, Prepared, ReadOnlyTransaction, Transaction
from freestone.data import transaction as module
from freestone.errors import Aborted, AlreadyExists


@pytest.fixture
def put(account: Any) -> Prepared:
    """Inserts an account."""
    values = {"id": bindparam("id"), "owner": bindparam("owner"), "balance": 0}
    return Prepared(insert(account.__table__).values(values).inline())


@pytest.fixture
def found(account: Any) -> Prepared:
    """Finds the first accounts from an id on, at most two."""
    columns = account.__table__.c
    wanted = select(columns.id, columns.owner).where(columns.id >= bindparam("first"))
    return Prepared(wanted.order_by(columns.id).limit(2))


@pytest.fixture
def counted(account: Any) -> Select[Any]:
    return select(func.count()).select_from(account.__table__)


def of(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number, "owner": f"owner {number}"} for number in numbers]


async def test_it_is_executed_for_each_of_its_parameters_and_gives_its_rows(
    db: Database, put: Prepared, found: Prepared
) -> None:
    """As tuples, in the order of its columns, however often it was executed before."""
    async with db.transaction() as transaction:
        for first in range(0, 60, 3):  # from the fourth on SQLite executes it without a trip to its thread
            await transaction.execute_each(put, of(first, first + 1, first + 2))
            rows = [tuple(row) for row in await transaction.fetch(found, {"first": first + 1})]
            assert rows == [(first + 1, f"owner {first + 1}"), (first + 2, f"owner {first + 2}")]
    async with db.transaction() as transaction:
        assert [row[0] for row in await transaction.fetch(found, {"first": 58})] == [58, 59]


async def test_it_is_undone_with_the_rest(db: Database, put: Prepared, found: Prepared, account: Any) -> None:
    """Whether a session was wanted beside it or not."""
    for beside in (False, True):
        with pytest.raises(LookupError):
            async with db.transaction() as transaction:
                await transaction.execute_each(put, of(1))
                if beside:
                    db.add(account(id=2, owner="ada"))
                    await db.flush()
                raise LookupError
        async with db.transaction() as transaction:
            assert not await transaction.fetch(found, {"first": 0})


@pytest.mark.parametrize("known", [False, True], ids=["for the first time", "known to be quick"])
async def test_what_it_fails_with_is_said_in_words_of_the_framework(
    db: Database, put: Prepared, engine: str, known: bool
) -> None:
    """And its transaction goes on, or is broken, as with any other statement of that engine."""
    if known:
        async with db.transaction() as transaction:
            for number in range(10, 20):
                await transaction.execute_each(put, of(number))
    async with db.transaction() as transaction:
        await transaction.execute_each(put, of(1))
    transaction = Transaction(db.store, "a test", read_only=False, until=asyncio.get_running_loop().time() + 10)
    await transaction.execute_each(put, of(2))
    with pytest.raises(AlreadyExists, match="has such a row already"):
        await transaction.execute_each(put, of(1))
    if engine == "sqlite":
        await transaction.commit()
    else:
        with pytest.raises(Aborted):
            await transaction.commit()


async def test_it_does_not_write_in_a_query(db: Database, put: Prepared, handler: Any) -> None:
    """The database refuses it, and the sentence names the query."""
    async with db.transaction() as transaction:
        for number in range(10, 20):
            await transaction.execute_each(put, of(number))
    with pytest.raises(ReadOnlyTransaction, match="balance is a query"):
        async with handler("balance"):
            await db.current().execute_each(put, of(1))


async def test_a_statement_of_the_core_needs_no_session(
    db: Database, account: Any, counted: Select[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the ORM gets one, and sees what was written before."""
    made: list[Any] = []

    class Session(module.AsyncSession):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            made.append(self)
            super().__init__(*arguments, **named)

    monkeypatch.setattr(module, "AsyncSession", Session)
    async with db.transaction() as transaction:
        assert await db.scalar(counted) == 0
        assert not transaction.writes
        await db.execute(insert(account.__table__).values(id=1, owner="ada", balance=3))
        assert transaction.writes
        assert not made
        row = await db.get(account, 1)
        assert row is not None
        row.balance += 1
        await db.execute(insert(account.__table__).values(id=2, owner="grace", balance=5))
        db.add(account(id=3, owner="edsger"))
        assert (await db.scalars(select(account.owner).order_by(account.id))).all() == ["ada", "grace", "edsger"]
        assert len(made) == 1
    async with db.transaction():
        assert (await db.scalars(select(account.__table__.c.balance).order_by(account.id))).all() == [4, 5, 0]


async def test_one_that_is_cancelled_breaks_its_transaction(
    db: Database, put: Prepared, found: Prepared, cancelled_at: Any
) -> None:
    """Wherever it waits: nothing of it is written, and its connection is in order for the next."""
    step = 1
    while True:
        transaction = Transaction(db.store, "a test", read_only=False, until=asyncio.get_running_loop().time() + 10)

        async def work(transaction: Transaction = transaction) -> None:
            await transaction.execute_each(put, of(1))
            await transaction.fetch(found, {"first": 0})

        try:
            ended = await cancelled_at(step, 0.0, work())
        except asyncio.CancelledError:
            ended = False
        await transaction.rollback()
        async with db.transaction() as other:
            assert not await other.fetch(found, {"first": 0})
        if ended:
            break
        step += 1
    assert step > 1
