"""One transaction, however it ends."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from typing import Any

import pytest
from sqlalchemy import TextClause, event, func, insert, select, text, update
from sqlalchemy.exc import OperationalError

from freestone.data import Database, Transaction
from freestone.errors import Aborted, Unknown

ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


async def is_clean(db: Database, handler: Any) -> None:
    """Nobody has a connection, none is lost, and none is in a transaction."""
    for lane in (db.store.writing, db.store.reading, db.store.own):
        pool: Any = lane.engine.pool
        assert lane.open == 0
        assert pool.checkedout() == 0
        assert pool.size() >= lane.slots
    if db.dialect == "postgresql":
        async with db.transaction():
            state = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND datname = current_database()"
            assert await db.scalar(text(state)) == 0
    async with handler("balance"):
        await db.scalar(select(1))


async def test_p30_a_command_cancelled_at_any_await_leaves_everything_in_order(
    db: Database, handler: Any, account: Any, cancelled_at: Any
) -> None:
    """Whenever it is cancelled, all of it is written or nothing, and the connections are free for the next."""

    async def transfer(number: int) -> None:
        async with handler("deposit"):
            db.add(account(id=2 * number, owner=f"{number} a", balance=-5))
            await db.flush()
            await db.scalar(select(func.count()).select_from(account))
            await db.execute(update(account).where(account.id == 2 * number).values(balance=5))
            db.add(account(id=2 * number + 1, owner=f"{number} b", balance=-5))

    chance = random.Random(30)
    whole = 0
    for number in range(500):
        task = asyncio.create_task(
            as_task(cancelled_at(number % 12 + 1, chance.choice((0, 0, 0.0003, 0.002)), transfer(number)))
        )
        await asyncio.wait([task], timeout=10)
        whole += task.done() and not task.cancelled()
        if number % 10 == 0:
            await is_clean(db, handler)
    await is_clean(db, handler)
    async with handler("balance"):
        rows = {row.id: row.balance for row in await db.execute(select(account.id, account.balance))}
    assert {number for number in rows if number % 2 == 0} == {number - 1 for number in rows if number % 2}
    assert all(balance == (5 if number % 2 == 0 else -5) for number, balance in rows.items())
    assert 2 * whole <= len(rows) < 1000


async def test_p30_a_query_cancelled_at_any_await_gives_its_connection_back(
    db: Database, handler: Any, account: Any, cancelled_at: Any
) -> None:
    """The readers are all there afterwards, however many at a time were cancelled."""

    async def query() -> None:
        async with handler("balance"):
            await db.scalar(select(func.count()).select_from(account))
            await db.scalar(select(1))

    for number in range(100):
        tasks = [asyncio.create_task(as_task(cancelled_at(number % 8 + 1, 0, query()))) for _ in range(4)]
        await asyncio.wait(tasks, timeout=10)
    await is_clean(db, handler)


async def as_task(work: Any) -> Any:
    return await work


async def test_a_commit_that_was_begun_is_finished(db: Database, handler: Any, account: Any) -> None:
    """Cancelled while COMMIT runs, the task learns of it, and the data is there."""

    async def write() -> None:
        async with db.transaction() as transaction:
            db.add(account(id=1, owner="ada"))
            await db.flush()
            finish = transaction._end

            async def end(*, commit: bool) -> None:
                task.cancel()
                await asyncio.sleep(0)
                await finish(commit=commit)

            transaction._end = end  # type: ignore[method-assign]

    task = asyncio.create_task(write())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await count(db, account) == 1


async def count(db: Database, account: Any) -> int:
    async with db.transaction():
        return await db.scalar(select(func.count()).select_from(account)) or 0


async def test_what_was_cut_short_in_a_command_can_not_be_committed(
    db: Database, endless: TextClause, handler: Any, account: Any
) -> None:
    """A handler that gives up a statement and goes on does not know what it did: nothing is written."""
    with pytest.raises(
        Aborted, match="deposit was broken off, and nothing of it is written: a statement was cancelled"
    ):
        async with handler("deposit"):
            db.add(account(id=1, owner="ada"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await db.execute(endless)
    assert await count(db, account) == 0


@ON_SQLITE
async def test_a_commit_finds_out_what_broke_while_it_waited(db: Database, handler: Any, account: Any) -> None:
    """A task left behind may break the transaction after the handler has returned."""
    async with db.transaction():
        await db.execute(text("PRAGMA max_page_count=10"))

    async def late() -> None:
        await db.execute(insert(account).values(id=2, owner="x" * 1_000_000))

    forgotten: list[asyncio.Task[None]] = []

    with pytest.raises(Aborted, match="this block was broken off, and nothing of it is written"):
        async with db.transaction() as transaction:
            await db.execute(insert(account).values(id=1, owner="ada"))
            prepare = transaction._prepare

            async def prepared() -> None:
                await prepare()
                forgotten.append(asyncio.create_task(late()))
                await asyncio.sleep(0)  # it has its turn now, and the commit waits for it

            transaction._prepare = prepared  # type: ignore[method-assign]
    with pytest.raises(Exception, match="has no room left on its disk"):
        await forgotten[0]
    await is_clean(db, handler)
    assert await count(db, account) == 0


@ON_SQLITE
async def test_a_commit_that_fails_may_have_happened(db: Database, handler: Any, account: Any) -> None:
    """A failure to write, in the COMMIT itself, leaves open what is on the disk; the connection is thrown away."""

    def fail(_: object) -> None:
        failure = sqlite3.OperationalError("disk I/O error")
        failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise OperationalError("COMMIT", {}, failure)

    engine = db.store.writing.engine.sync_engine
    event.listen(engine, "commit", fail)
    with pytest.raises(Unknown, match="the commit of deposit failed, and may have happened: the database bank can't"):
        async with handler("deposit"):
            await db.execute(insert(account).values(id=1, owner="ada"))
    event.remove(engine, "commit", fail)
    await is_clean(db, handler)
    assert await count(db, account) == 0


@ON_SQLITE
async def test_a_query_may_give_up_a_statement_and_go_on(db: Database, endless: TextClause, handler: Any) -> None:
    """There is nothing that it could have half done."""
    async with handler("balance"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await db.execute(endless)
        assert await db.scalar(select(1)) == 1


async def test_a_handler_that_ends_while_a_task_of_its_own_works_takes_the_connection_along(
    db: Database, endless: TextClause, handler: Any, account: Any
) -> None:
    """The rollback interrupts what a forgotten task executes, and does not wait for it."""
    forgotten: asyncio.Task[None] | None = None
    with pytest.raises(LookupError):
        async with handler("deposit"):
            await db.execute(insert(account).values(id=1, owner="ada"))
            forgotten = asyncio.create_task(db_execute(db, endless))
            await asyncio.sleep(0.05)
            raise LookupError
    assert forgotten is not None
    with pytest.raises(Aborted, match="was interrupted"):
        await forgotten
    await is_clean(db, handler)
    assert await count(db, account) == 0


async def db_execute(db: Database, statement: TextClause) -> None:
    await db.execute(statement)


@ON_SQLITE
async def test_a_failed_statement_does_not_end_the_transaction(db: Database, handler: Any, account: Any) -> None:
    """SQLite undoes the statement alone, and the handler may take another way."""
    async with handler("deposit"):
        await db.execute(insert(account).values(id=1, owner="ada"))
        with pytest.raises(Exception, match="has such a row already"):
            await db.execute(insert(account).values(id=1, owner="eve"))
        await db.execute(insert(account).values(id=2, owner="bob"))
    assert await count(db, account) == 2


async def test_a_failed_flush_ends_it(db: Database, handler: Any, account: Any) -> None:
    """The session does not know any more what is written, so only what was raised may leave."""
    with pytest.raises(Aborted, match="was broken off"):
        async with handler("deposit"):
            db.add(account(id=1, owner="ada"))
            db.add(account(id=2, owner="ada"))
            with pytest.raises(Exception, match="has such a row already"):
                await db.flush()
    assert await count(db, account) == 0


async def test_a_transaction_that_was_never_used_opens_nothing(db: Database) -> None:
    """No connection is taken before the first statement."""
    async with db.transaction() as transaction:
        assert db.store.writing.open == 0
        assert not transaction.ended
    assert transaction.ended


async def test_rollback_and_commit_happen_once(db: Database, account: Any) -> None:
    """The second of them does nothing."""
    async with db.transaction() as transaction:
        db.add(account(id=1, owner="ada"))
        await transaction.rollback()
        await transaction.rollback()
        await transaction.commit()
    assert await count(db, account) == 0


async def test_rows_can_be_read_after_the_commit(db: Database, account: Any) -> None:
    """What was loaded stays loaded."""
    async with db.transaction():
        row = account(owner="ada")
        db.add(row)
    assert (row.id, row.owner, row.balance) == (1, "ada", 0)


async def test_the_session_is_reached_through_run(db: Database, account: Any) -> None:
    """For what the database has no method of its own."""
    async with db.transaction() as transaction:
        assert isinstance(transaction, Transaction)
        row = account(owner="ada")
        db.add(row)
        await db.execute(update(account).values(balance=7).execution_options(synchronize_session=False))
        await transaction.run(lambda session: session.refresh(row))
        assert row.balance == 7


async def test_what_follows_a_commit_is_called_once_it_has_happened(db: Database, account: Any) -> None:
    """Before the caller goes on, once, and only then; what it raises changes nothing of the commit."""
    seen: list[str] = []

    def fail() -> None:
        raise RuntimeError("not here")

    async with db.transaction() as transaction:
        db.add(account(owner="ada"))
        transaction.after_commit(lambda: seen.append("first"))
        transaction.after_commit(fail)
        transaction.after_commit(lambda: seen.append("second"))
        await db.flush()
        assert seen == []
    assert seen == ["first", "second"]
    async with db.transaction():
        assert await db.scalar(select(func.count()).select_from(account)) == 1


async def test_nothing_follows_a_transaction_that_was_undone(db: Database, account: Any) -> None:
    """Whether its block raised, or its commit was refused."""
    seen: list[str] = []
    with pytest.raises(RuntimeError, match="no"):
        async with db.transaction() as transaction:
            transaction.after_commit(lambda: seen.append("undone"))
            raise RuntimeError("no")
    with pytest.raises(Aborted):
        async with db.transaction() as transaction:
            db.add(account(owner="ada"))
            await db.flush()
            transaction.after_commit(lambda: seen.append("broken"))
            transaction.fail(RuntimeError("broken"))
    assert seen == []
