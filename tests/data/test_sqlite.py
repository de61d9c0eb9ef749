"""The file, its connections and its locks."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from freestone.data import Database
from freestone.errors import DataLoss, ResourceExhausted, Unavailable
from freestone.service import deadline


@pytest.fixture
def engine() -> str:
    return "sqlite"


async def pragmas(db: Database) -> dict[str, Any]:
    names = ("journal_mode", "synchronous", "foreign_keys", "query_only")
    return {name: await db.scalar(text(f"PRAGMA {name}")) for name in names}


async def test_every_connection_has_the_settings_that_make_it_durable(db: Database, handler: Any) -> None:
    """WAL, synchronous=FULL (2) and foreign keys on each; only those that write can."""
    async with db.transaction():
        assert await pragmas(db) == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "query_only": 0}
    seen = asyncio.Barrier(2)

    async def query() -> dict[str, Any]:
        async with handler("balance"):
            found = await pragmas(db)
            await seen.wait()  # both readers are in use
            return found

    for found in await asyncio.gather(query(), query()):
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "query_only": 1}


async def test_a_faster_setting_is_chosen_by_name(tmp_path: Path) -> None:
    """With ``normal`` a commit does not wait for the disk (synchronous=1); what it costs is in the documentation."""
    database = Database.open(tmp_path / "bank.db", durability="normal")
    await database.start()
    async with database.transaction():
        assert (await pragmas(database))["synchronous"] == 1
    await database.close()


async def test_a_reader_does_not_block_a_writer(db: Database, handler: Any, account: Any) -> None:
    """While queries are open, commands commit."""
    async with handler("balance"):
        await db.scalar(select(account.id))

        async def write(number: int) -> None:
            async with handler("deposit"):
                await db.execute(insert(account).values(id=number, owner=str(number)))

        for number in range(5):
            await asyncio.create_task(write(number))


async def test_writers_of_one_process_go_in_the_order_in_which_they_came(
    db: Database, handler: Any, account: Any
) -> None:
    """The queue is fair, and one is in at a time."""
    order: list[int] = []

    async def write(number: int) -> None:
        async with handler("deposit"):
            await db.execute(insert(account).values(id=number, owner=str(number)))
            assert db.store.writing.open == 1
            order.append(number)

    await asyncio.gather(*(write(number) for number in range(50)))
    assert order == list(range(50))


async def test_p31_a_command_that_reads_before_it_writes_is_not_refused(
    db: Database, handler: Any, account: Any
) -> None:
    """It holds the lock from its first statement, so nobody can have written between its read and its write."""
    other = sqlite3.connect(db.path, isolation_level=None, timeout=0)
    async with handler("deposit"):
        await db.scalar(select(account.id))
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            other.execute("INSERT INTO account VALUES (1, 'ada', 0)")
        await db.execute(insert(account).values(id=1, owner="bob"))
    other.close()


async def test_a_command_waits_for_the_lock_of_another_process(db: Database, handler: Any, account: Any) -> None:
    """SQLITE_BUSY is not for callers."""
    other = sqlite3.connect(db.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    asyncio.get_running_loop().call_later(0.2, other.rollback)
    async with handler("deposit"):
        db.add(account(id=1, owner="ada"))
    other.close()


async def test_a_lock_that_is_not_released_ends_with_the_deadline(db: Database, handler: Any, account: Any) -> None:
    """Then nothing has happened, and it may be tried again."""
    other = sqlite3.connect(db.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(Unavailable, match="the database bank was locked by another process all the time"):
        async with handler("deposit", started + 0.3):
            db.add(account(id=1, owner="ada"))
    assert loop.time() - started < 1.0
    other.close()


async def test_a_wait_for_the_lock_can_be_cancelled(db: Database, handler: Any, account: Any) -> None:
    """At once, and the next one finds everything in order."""
    other = sqlite3.connect(db.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with handler("deposit"):
            db.add(account(id=1, owner="ada"))

    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await write()
    assert loop.time() - started < 1.0
    other.close()
    await write()


async def test_too_many_waiting_are_refused(tmp_path: Path) -> None:
    """The queue is bounded."""
    database = Database.open(tmp_path / "bank.db", waiting=2)
    await database.start()

    async def write() -> None:
        async with database.transaction():
            await database.scalar(select(1))

    *others, refused = await asyncio.gather(*(write() for _ in range(4)), return_exceptions=True)
    assert others == [None, None, None]
    with pytest.raises(ResourceExhausted, match="2 transactions already wait for the database bank, and no more may"):
        raise refused or AssertionError
    await database.close()


async def test_close_waits_for_those_who_are_in(tmp_path: Path, account: Any) -> None:
    """An open transaction commits before the file is closed."""
    database = Database.open(tmp_path / "bank.db")
    await database.start()
    async with database.transaction():
        await database.execute(text("CREATE TABLE t (x)"))
        closing = asyncio.create_task(database.close())
        await asyncio.sleep(0)
        await database.execute(text("INSERT INTO t VALUES (1)"))
        assert not closing.done()
    await closing
    connection = sqlite3.connect(database.path)
    assert connection.execute("SELECT x FROM t").fetchall() == [(1,)]
    connection.close()
    assert not database.path.with_name("bank.db-wal").exists()


async def test_p37_a_full_disk_fails_cleanly_and_work_resumes(db: Database, handler: Any, account: Any) -> None:
    """A full disk is ResourceExhausted; what was written before is whole, queries go on, and so do commands later."""

    async def limit(pages: int) -> int:
        async with db.transaction():
            return await db.scalar(text(f"PRAGMA max_page_count={pages}")) or 0

    written = 0
    assert await limit(20) == 20
    with pytest.raises(ResourceExhausted, match="the database bank has no room left on its disk"):
        for _ in range(100):
            async with handler("deposit"):
                db.add(account(id=2 * written, owner=f"{written}".ljust(3000)))
                await db.flush()
                db.add(account(id=2 * written + 1, owner=f"{written} too".ljust(3000)))
            written += 1
    async with handler("balance"):
        rows = (await db.scalars(select(account.id).order_by(account.id))).all()
    assert rows == list(range(2 * written))
    await limit(1000)
    async with handler("deposit"):
        db.add(account(id=1000, owner="ada"))
    async with db.transaction():
        assert await db.scalar(text("PRAGMA integrity_check")) == "ok"


async def test_what_follows_a_failure_is_not_committed_by_itself(db: Database, handler: Any, account: Any) -> None:
    """A full disk ends the transaction inside of SQLite; a handler that goes on must not write the rest without it."""
    async with db.transaction():
        await db.execute(text("PRAGMA max_page_count=10"))
    with pytest.raises(Exception, match="was broken off, and nothing of it is written"):
        async with handler("deposit"):
            await db.execute(insert(account).values(id=1, owner="ada"))
            with pytest.raises(ResourceExhausted):
                await db.execute(insert(account).values(id=2, owner="x" * 100_000))
            await db.execute(insert(account).values(id=3, owner="bob"))
    async with handler("balance"):
        assert (await db.scalars(select(account.id))).all() == []


async def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    """Start fails with the path and the reason."""
    (tmp_path / "data").touch()
    with pytest.raises(Unavailable, match=r"the folder .*/data/bank can't be made: Not a directory"):
        await Database.open(tmp_path / "data" / "bank" / "bank.db").start()
    (tmp_path / "bank.db").mkdir()
    with pytest.raises(Unavailable, match=r"the database bank \(.*/bank\.db\) can't open its file"):
        await Database.open(tmp_path / "bank.db").start()


async def test_a_damaged_file_is_data_loss(db: Database, handler: Any, account: Any) -> None:
    """SQLite notices, and it is not taken for a bug of the service."""
    async with db.transaction():
        db.add_all([account(id=number, owner=f"{number}".ljust(1000)) for number in range(100)])
    await db.close()
    with db.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 50_000)
    await db.start()
    with pytest.raises(DataLoss, match="the database bank is damaged"):
        async with handler("balance"):
            await db.execute(select(account))


async def test_a_deadline_ends_a_long_statement(db: Database, handler: Any) -> None:
    """The statement is interrupted, not waited for."""
    endless = text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n")
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(Exception, match="did not end by its deadline"):
        async with deadline(0.1), handler("balance"):
            await db.scalar(endless)
    assert loop.time() - started < 2.0
    async with handler("balance"):
        assert await db.scalar(select(1)) == 1
