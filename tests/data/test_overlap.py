"""P32: processes that overlap on one file, and a reader that stays."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from freestone.data import Database
from freestone.data.group_lane import GroupLane
from freestone.signals import SIGNALS, Signal, WalGrew


@pytest.fixture
def engine() -> str:
    return "sqlite"


REPLICA = dedent(
    """
    import asyncio, signal, sys
    from sqlalchemy import text
    from freestone.data import Database

    async def write(db, number, over):
        while not over.is_set():
            async def both():
                for _ in range(2):
                    await db.execute(text("INSERT INTO entry (account, text) VALUES (1, :text)"), {"text": sys.argv[2]})
            await db.transact(both)
            print("written", flush=True)
            if number % 2:
                await asyncio.sleep(0)

    async def main():
        over = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
        db = Database.open(sys.argv[1])
        await db.start()
        await asyncio.gather(*(write(db, number, over) for number in range(4)))
        await db.close()

    asyncio.run(main())
    """
)


async def replica(path: Path, name: str) -> Process:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", REPLICA, str(path), name, stdout=PIPE, stderr=PIPE
    )
    assert started.stdout is not None
    for _ in range(5):
        assert await asyncio.wait_for(started.stdout.readline(), 60) == b"written\n"
    return started


async def ended(process: Process) -> int:
    """Return how many transactions it was told of."""
    process.send_signal(signal.SIGTERM)
    told, complaints = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, complaints.decode()
    return 5 + told.count(b"written\n")


@pytest.mark.slow
async def test_p32_replicas_that_take_over_from_each_other_lose_nothing(db: Database, account: Any, entry: Any) -> None:
    """A rolling restart under load: two processes have the file open, and each that leaves closes it properly."""
    await db.transact(lambda: db.execute(insert(account).values(id=1, owner="ada")))
    await db.close()
    told = 0
    running = await replica(db.path, "0")
    for number in range(1, 6):
        following = await replica(db.path, f"{number}")
        told += await ended(running)
        running = following
    told += await ended(running)
    with closing(sqlite3.connect(db.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (2 * told,)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=[pytest.mark.thorough, pytest.mark.timeout(200)])])
async def test_p31_eight_processes_write_and_none_of_them_hears_of_it(
    db: Database, account: Any, entry: Any, seconds: int
) -> None:
    """Each with four at once, for a while: whoever waits for another's lock waits, and no caller is refused."""
    await db.transact(lambda: db.execute(insert(account).values(id=1, owner="ada")))
    writers = [await replica(db.path, f"{number}") for number in range(8)]
    await asyncio.sleep(seconds)  # a load, not a wait for something
    told = sum(await asyncio.gather(*(ended(writer) for writer in writers)))
    async with db.transaction():
        assert await db.scalar(select(func.count()).select_from(entry)) == 2 * told


async def test_p32_a_reader_that_stays_is_told_of(
    db: Database, handler: Any, account: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The WAL can't be folded past it, and grows: there is an alarm, and another when it is twice as long."""
    lane = db.store.writing
    assert isinstance(lane, GroupLane)
    lane.alarm = 2_000_000
    heard: list[Signal] = []
    SIGNALS.subscribe(heard.append)
    try:
        reads, is_over = asyncio.Event(), asyncio.Event()
        reader = asyncio.create_task(stay(db, handler, account, reads, is_over))
        await reads.wait()
        for number in range(60):
            await wide(db, account, number)
        is_over.set()
        await reader
    finally:
        SIGNALS.unsubscribe(heard.append)
    grew = [signal for signal in heard if isinstance(signal, WalGrew)]
    assert {signal.database for signal in grew} == {"bank"}
    assert len(grew) >= 2
    assert grew[0].size >= 2_000_000
    assert all(later.size >= 2 * earlier.size for earlier, later in pairwise(grew))
    assert "the WAL of the database bank has grown to 2 MB: something that reads for long" in caplog.text
    await wide(db, account, 99)  # whose commit folds it
    before = db.path.with_name("bank.db-wal").stat().st_size
    for number in range(100, 120):
        await wide(db, account, number)
    assert db.path.with_name("bank.db-wal").stat().st_size <= before  # for it is written over


async def stay(db: Database, handler: Any, account: Any, reads: asyncio.Event, is_over: asyncio.Event) -> None:
    async with handler("balance"):
        await db.scalar(select(account.id))
        reads.set()
        await is_over.wait()


async def wide(db: Database, account: Any, number: int) -> None:
    async with db.transaction():
        await db.execute(insert(account).values(id=number, owner=f"{number}".ljust(100_000, "x")))
