"""What a service may do with its database, and where."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update

from freestone.data import Database, ReadOnlyTransaction, Transaction, TransactionRequired
from freestone.errors import Aborted, AlreadyExists, ConfigurationError, FailedPrecondition, Unavailable


async def count(db: Database, table: Any) -> int:
    async with db.transaction():
        return await db.scalar(select(func.count()).select_from(table)) or 0


async def test_a_command_commits_what_it_did_when_it_returns(db: Database, handler: Any, account: Any) -> None:
    """All uses of the database in a command are one transaction, committed after the handler."""
    async with handler("deposit"):
        db.add(account(id=1, owner="ada"))
        await db.execute(update(account).values(balance=5))
        row = await db.get(account, 1)
        assert row is not None
        row.balance += 1
    async with db.transaction():
        assert await db.scalar(select(account.balance)) == 6


async def test_a_command_that_raises_leaves_nothing(db: Database, handler: Any, account: Any) -> None:
    """Nothing of a command that raises is written."""
    with pytest.raises(LookupError):
        async with handler("deposit"):
            db.add(account(id=1, owner="ada"))
            await db.flush()
            raise LookupError
    assert await count(db, account) == 0


async def test_a_query_sees_one_moment(db: Database, handler: Any, account: Any) -> None:
    """What is committed while a query runs is not seen by it."""
    async with handler("balance"):
        assert await db.scalar(select(func.count()).select_from(account)) == 0

        async def write() -> None:
            async with handler("deposit"):
                db.add(account(id=1, owner="ada"))

        await asyncio.create_task(write())
        assert await db.scalar(select(func.count()).select_from(account)) == 0
    assert await count(db, account) == 1


@pytest.mark.parametrize("what", ["add", "add_all", "delete", "flush", "core", "text", "change"])
async def test_a_query_can_not_write(db: Database, handler: Any, account: Any, what: str) -> None:
    """A write in a query is refused with the operation's name and what to do."""
    async with db.transaction():
        db.add(account(id=1, owner="ada"))
    with pytest.raises(
        ReadOnlyTransaction, match=r"balance is a query, which only reads: .* @command if it is to write"
    ):
        async with handler("balance"):
            row = await db.get(account, 1)
            assert row is not None
            if what == "add":
                db.add(account(id=2, owner="bob"))
            elif what == "add_all":
                db.add_all([account(id=2, owner="bob")])
            elif what == "delete":
                await db.delete(row)
            elif what == "flush":
                await db.flush()
            elif what == "core":
                await db.execute(insert(account).values(id=2, owner="bob"))
            elif what == "text":
                await db.execute(text("DELETE FROM account"))
            else:
                row.balance = 100
    async with db.transaction():
        assert (await db.execute(select(account.id, account.balance))).all() == [(1, 0)]


async def test_outside_of_a_transaction_nothing_works_and_it_says_so(db: Database, account: Any) -> None:
    """Outside of a handler a transaction must be opened."""
    with pytest.raises(
        TransactionRequired, match=r"no transaction is open in the database bank: .*db\.transaction\(\)"
    ):
        await db.get(account, 1)
    with pytest.raises(TransactionRequired, match="no transaction is open"):
        db.add(account(id=1, owner="ada"))


async def test_a_block_is_a_transaction(db: Database, account: Any) -> None:
    """A block commits at its end, and undoes itself when it raises."""
    async with db.transaction():
        db.add(account(id=1, owner="ada"))
    with pytest.raises(LookupError):
        async with db.transaction():
            db.add(account(id=2, owner="bob"))
            await db.flush()
            raise LookupError
    assert await count(db, account) == 1


async def test_a_block_in_a_block_joins_it(db: Database, account: Any) -> None:
    """The outer block decides for both."""
    with pytest.raises(LookupError):
        async with db.transaction() as outer:
            async with db.transaction() as inner:
                assert inner is outer
                db.add(account(id=1, owner="ada"))
            raise LookupError
    assert await count(db, account) == 0


async def test_a_block_in_a_command_joins_it(db: Database, handler: Any, account: Any) -> None:
    """In a handler a block is part of the handler's transaction."""
    with pytest.raises(LookupError):
        async with handler("deposit"):
            async with db.transaction():
                db.add(account(id=1, owner="ada"))
            raise LookupError
    assert await count(db, account) == 0


async def test_half_of_a_joined_block_is_never_written(db: Database, account: Any) -> None:
    """An error that leaves a joined block breaks the whole, even when it is caught."""
    with pytest.raises(Aborted, match="was broken off, and nothing of it is written: half"):
        async with db.transaction():
            db.add(account(id=1, owner="ada"))
            try:
                async with db.transaction():
                    db.add(account(id=2, owner="bob"))
                    raise LookupError("half")
            except LookupError:
                pass
    assert await count(db, account) == 0


async def test_a_task_that_outlives_its_handler_is_told_so(db: Database, handler: Any, account: Any) -> None:
    """The transaction of a handler ends with it, for the tasks that it left behind too."""
    ended = asyncio.Event()

    async def late() -> None:
        await ended.wait()
        with pytest.raises(TransactionRequired, match=r"deposit has ended, .*opens its own"):
            await db.get(account, 1)
        async with db.transaction():
            db.add(account(id=1, owner="ada"))

    async with handler("deposit"):
        task = asyncio.create_task(late())
    ended.set()
    await task
    assert await count(db, account) == 1


async def test_a_command_called_from_a_block_of_its_database_is_refused(db: Database, handler: Any) -> None:
    """It would wait for the block, which waits for it."""
    async with db.transaction():
        with pytest.raises(TransactionRequired, match=r"deposit was called inside .* call it after the block"):
            async with handler("deposit"):
                await db.scalar(select(1))


async def test_tasks_of_a_handler_take_turns(db: Database, handler: Any, account: Any) -> None:
    """Several tasks may use the handler's transaction; their statements run one after another."""
    async with handler("deposit"):
        db.add_all([account(id=number, owner=f"owner {number}") for number in range(20)])
        rows = await asyncio.gather(*(db.get(account, number) for number in range(20)))
        assert [row.owner for row in rows if row] == [f"owner {number}" for number in range(20)]


async def test_before_commit_is_part_of_the_transaction(db: Database, handler: Any, account: Any) -> None:
    """What a callback writes is committed with the rest, and what it raises undoes the rest."""

    async def write(transaction: Transaction) -> None:
        await transaction.run(lambda session: session.execute(insert(account).values(id=2, owner="bob")))

    async def fail(transaction: Transaction) -> None:
        raise LookupError("no")

    async with handler("deposit"):
        db.add(account(id=1, owner="ada"))
        db.before_commit(write)
    assert await count(db, account) == 2
    with pytest.raises(LookupError, match="no"):
        async with handler("deposit"):
            db.add(account(id=3, owner="eve"))
            db.before_commit(fail)
    assert await count(db, account) == 2


async def test_a_row_that_exists_already_is_such_an_error(db: Database, handler: Any, account: Any) -> None:
    """A violated key is AlreadyExists and names the columns; so is one that is found at the commit."""
    async with db.transaction():
        db.add(account(id=1, owner="ada"))
    with pytest.raises(AlreadyExists, match=r"the database bank has such a row already \(account\.owner\)"):
        async with handler("deposit"):
            db.add(account(id=2, owner="ada"))


async def test_a_missing_reference_is_a_failed_precondition(db: Database, handler: Any, entry: Any) -> None:
    """Foreign keys are enforced."""
    with pytest.raises(FailedPrecondition, match="lacks a row that this one refers to"):
        async with handler("deposit"):
            db.add(entry(id=1, account=77))


async def test_a_database_that_is_not_open_says_so(tmp_path: Path) -> None:
    """Use before the start, or after the close, is Unavailable."""
    database = Database.open(tmp_path / "bank.db")
    with pytest.raises(Unavailable, match=r"the database bank is not open"):
        async with database.transaction():
            pass
    await database.start()
    await database.close()
    await database.close()
    with pytest.raises(Unavailable, match=r"the database bank is not open"):
        async with database.transaction():
            pass


@pytest.mark.parametrize("where", ["{0}", "sqlite:///{0}"])
async def test_a_database_is_opened_by_path_or_url(tmp_path: Path, where: str) -> None:
    """The folder is made, for its owner alone."""
    path = tmp_path / "data" / "bank.db"
    database = Database.open(where.format(path))
    await database.start()
    await database.close()
    assert path.is_file()
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_other_databases_are_refused_by_name() -> None:
    """What can't be opened is a mistake of the configuration, and its password is not shown."""
    with pytest.raises(ConfigurationError, match="database mysql://…: is none that Freestone can open") as raised:
        Database.open("mysql://ada:secret@host/db")
    assert "secret" not in str(raised.value)


async def test_a_temporary_database_has_the_tables_and_is_gone_afterwards(account: Any) -> None:
    """For the unit tests of a service."""
    async with Database.temporary(account.metadata) as database:
        async with database.transaction():
            database.add(account(id=1, owner="ada"))
        assert await count(database, account) == 1
    assert not database.path.exists()
