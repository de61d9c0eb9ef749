"""Several processes with one file, and what is left when one of them is killed."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from freestone.data import Database


@pytest.fixture
def engine() -> str:
    return "sqlite"


WRITER = dedent(
    """
    import asyncio, sys
    from sqlalchemy import text
    from freestone.data import Database

    async def transfer(db, number):
        async with db.transaction():
            # It reads before it writes: begun as a reader it would be refused.
            balance = await db.scalar(text("SELECT balance FROM account WHERE id = 1"))
            assert balance is not None
            await db.execute(text("UPDATE account SET balance = :balance WHERE id = 1"), {"balance": balance + 1})
            await db.execute(text("INSERT INTO entry (account, text) VALUES (1, :text)"), {"text": sys.argv[2]})

    async def main():
        db = Database.open(sys.argv[1])
        await db.start()
        print("ready", flush=True)
        total, at_once = int(sys.argv[3]), int(sys.argv[4])
        for first in range(0, total, at_once):
            await asyncio.gather(*(transfer(db, first + number) for number in range(at_once)))
            print(first + at_once, flush=True)
        await db.close()

    asyncio.run(main())
    """
)


async def writer(path: Path, name: str, total: int, at_once: int) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), name, str(total), str(at_once), stdout=PIPE, stderr=PIPE
    )


async def written(db: Database, account: Any, entry: Any) -> tuple[int, int]:
    """Return what the account says, and how many entries there are."""
    async with db.transaction():
        balance = await db.scalar(select(account.balance)) or 0
        return balance, await db.scalar(select(func.count()).select_from(entry)) or 0


@pytest.fixture
async def shared(db: Database, account: Any) -> Database:
    async with db.transaction():
        await db.execute(insert(account).values(id=1, owner="ada"))
    return db


async def test_p31_writers_of_several_processes_wait_for_each_other(shared: Database, account: Any, entry: Any) -> None:
    """Eight writers, two in each of four processes, read and write the same row: none is refused, none is lost."""
    writers = [await writer(shared.path, f"writer {number}", 40, 2) for number in range(4)]
    outcomes = await asyncio.gather(*(process.communicate() for process in writers))
    for process, (_, complaints) in zip(writers, outcomes, strict=True):
        assert process.returncode == 0, complaints.decode()
    assert await written(shared, account, entry) == (160, 160)


async def test_a_process_that_is_killed_leaves_whole_transactions(shared: Database, account: Any, entry: Any) -> None:
    """SIGKILL at any moment: what it had said to be done is there, and nothing is there by half."""
    acknowledged = 0
    for number in range(5):
        before, _ = await written(shared, account, entry)
        process = await writer(shared.path, "victim", 100_000, 1)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        for _ in range(3 + number):
            await process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        told = 3 + number + len((await process.stdout.read()).split(b"\n")) - 1
        await process.communicate()
        balance, entries = await written(shared, account, entry)
        assert balance == entries
        # The last one may have been committed before it could be told.
        assert before + told <= balance <= before + told + 1
        acknowledged += told
    assert acknowledged >= 15
    with closing(sqlite3.connect(shared.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_lock_dies_with_its_process(shared: Database, account: Any) -> None:
    """A process that is killed inside a transaction holds nobody up."""
    program = dedent(
        """
        import sqlite3, sys, signal
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE account SET balance = 100")
        print("locked", flush=True)
        signal.pause()
        """
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(shared.path), stdout=PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"locked\n"
    asyncio.get_running_loop().call_later(0.2, process.kill)
    async with shared.transaction():
        assert await shared.scalar(select(account.balance)) == 0
    await process.communicate()
