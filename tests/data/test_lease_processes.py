"""Two processes, one file, one lease: killed, stopped, and cut off from the file."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from freestone.data import Database
from freestone.lease import LeaseTaken


@pytest.fixture
def engine() -> str:
    return "sqlite"


HOLDER = dedent(
    """
    import asyncio, os, signal, sys, time
    from sqlalchemy import text
    from freestone.data import Database
    from freestone.lease import LeaseLost, StaleToken

    async def write(db, lease):
        async with db.transaction():
            await db.fence(lease)
            await db.execute(text("INSERT INTO entry (account, text) VALUES (1, :text)"), {"text": f"{lease.token}"})

    async def main():
        db = Database.open(sys.argv[1])
        await db.start()
        try:
            async with db.lease("nightly", seconds=float(sys.argv[2]), wait=30) as lease:
                print("held", lease.token, flush=True)
                if sys.argv[3] == "write":
                    # A worker that is stopped between two statements, and neither looks at the clock nor lets itself
                    # be cancelled: only data can refuse it.
                    await write(db, lease)
                    os.kill(os.getpid(), signal.SIGSTOP)
                    writing = asyncio.ensure_future(write(db, lease))
                    while not writing.done():
                        try:
                            await asyncio.wait([writing])
                        except asyncio.CancelledError:
                            pass
                    if isinstance(writing.exception(), StaleToken):
                        print("refused", writing.exception(), flush=True)
                    return
                else:
                    await asyncio.Event().wait()
        except LeaseLost:
            print("lost", time.monotonic(), flush=True)
        await db.close()

    asyncio.run(main())
    """
)


@contextlib.asynccontextmanager
async def holder(path: Path, seconds: float, what: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(path), str(seconds), what, stdout=PIPE
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def said(process: Process, word: str) -> str:
    """Return the line that begins with the word, once it was said."""
    assert process.stdout is not None
    async with asyncio.timeout(40):
        while line := (await process.stdout.readline()).decode():
            if line.startswith(word):
                return line
    raise AssertionError(f"it ended without having said {word!r}")


@pytest.fixture
async def shared(db: Database, account: Any) -> Database:
    async with db.transaction():
        db.add(account(id=1, owner="ada"))
    return db


async def test_the_lease_of_a_process_that_is_killed_is_free_after_its_time(shared: Database) -> None:
    """And not before."""
    loop = asyncio.get_running_loop()
    async with holder(shared.path, 2, "wait") as process:
        await said(process, "held")
        killed = loop.time()
        process.kill()
        with pytest.raises(LeaseTaken, match=f"held by process {process.pid} on"):
            async with shared.lease("nightly"):
                pass
        async with shared.lease("nightly", wait=30) as lease:
            assert lease.token == 2
            assert loop.time() - killed > 1  # it had been renewed not longer than a third of its time ago


async def test_p18_a_process_that_was_stopped_and_goes_on_as_holder_writes_nothing(
    shared: Database, entry: Any
) -> None:
    """SIGSTOP for longer than the lease, another takes it and writes, SIGCONT: the zombie's next write is refused."""
    async with holder(shared.path, 1, "write") as zombie:
        await said(zombie, "held 1")
        async with shared.lease("nightly", seconds=30, wait=30) as lease:
            async with shared.transaction():
                await shared.fence(lease)
                shared.add(entry(account=1, text="successor"))
            zombie.send_signal(signal.SIGCONT)
            assert "the token 1 of the lease nightly is stale: 2 was given since" in await said(zombie, "refused")
        with contextlib.closing(sqlite3.connect(shared.path)) as connection:
            texts = [row[0] for row in connection.execute("SELECT text FROM entry ORDER BY id")]
        assert texts == ["1", "successor"]


async def test_p19_a_process_that_can_not_renew_stops_before_its_lease_expires(shared: Database) -> None:
    """Somebody holds the file's lock all the while, and nothing else is wrong."""
    async with holder(shared.path, 3, "wait") as process:
        await said(process, "held")
        with contextlib.closing(sqlite3.connect(shared.path, isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            expiry = connection.execute("SELECT expiry FROM freestone_lease").fetchone()[0]
            lost = float((await said(process, "lost")).split()[1])
            connection.execute("ROLLBACK")
        assert lost < expiry
