"""Two replicas in processes of their own, on one database: killed in the middle of ticks, and started again."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from textwrap import dedent

import pytest

PATIENCE = 50.0

REPLICA = dedent(
    """
    import asyncio, os, signal, sys
    from pathlib import Path
    from freestone import Contract, Database, every, local, query, service
    from freestone.data import Transaction
    from sqlalchemy import text

    where, kill_at = Path(sys.argv[1]), sys.argv[2]

    def kill():
        os.kill(os.getpid(), signal.SIGKILL)

    async def kill_in_commit(transaction):
        kill()

    class Bell(Contract):
        @query
        async def rings(self) -> int: ...

    @service
    class BellService(Bell):
        db: Database

        async def start(self):
            self.runs = 0
            async with self.db.transaction():
                await self.db.execute(text("CREATE TABLE IF NOT EXISTS ring (tick INTEGER, pid INTEGER)"))

        async def rings(self):
            return 0

        @every("1s", missed="all")
        async def ring(self, tick):
            self.runs += 1
            values = {"tick": int(tick.timestamp()), "pid": os.getpid()}
            if self.runs == 2 and kill_at == "handler":
                kill()
            await self.db.execute(text("INSERT INTO ring VALUES (:tick, :pid)"), values)
            if self.runs == 2 and kill_at == "before the commit":
                self.db.before_commit(kill_in_commit)  # after the tick was settled in the transaction
            if self.runs == 2 and kill_at == "after the commit":
                (await self.transaction()).after_commit(kill)

        async def transaction(self) -> Transaction:
            async with self.db.transaction() as joined:
                return joined

    async def main():
        async with local(directory=where, bell=BellService):
            print("serving", flush=True)
            await asyncio.Event().wait()

    asyncio.run(main())
    """
)


@contextlib.asynccontextmanager
async def replica(where: Path, kill_at: str = "never") -> AsyncIterator[Process]:
    program = where / "replica.py"
    program.write_text(REPLICA)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), str(where), kill_at, stdout=PIPE, stderr=DEVNULL
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            assert await process.stdout.readline() == b"serving\n"
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def rings(where: Path) -> list[tuple[int, int]]:
    """Return the ticks that took effect, each with the process in which it did, in their order."""
    with contextlib.closing(sqlite3.connect(where / "bell.db", timeout=PATIENCE)) as connection:
        return connection.execute("SELECT tick, pid FROM ring ORDER BY rowid").fetchall()


async def until(where: Path, enough: Callable[[list[tuple[int, int]]], bool]) -> list[tuple[int, int]]:
    """Wait until what took effect is enough."""
    async with asyncio.timeout(PATIENCE):
        while not enough(found := rings(where)):  # noqa: ASYNC110 - a file of another process announces nothing
            await asyncio.sleep(0.1)
    return found


def each_once(found: list[tuple[int, int]]) -> bool:
    """Whether every tick from the first to the last took effect once, in order."""
    ticks = [tick for tick, _ in found]
    return ticks == list(range(ticks[0], ticks[0] + len(ticks)))


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("point", ["handler", "before the commit", "after the commit"])
async def test_a_replica_that_is_killed_in_a_tick_leaves_it_to_the_other_once(tmp_path: Path, point: str) -> None:
    """Before the commit nothing of it is there, and the other runs it; after the commit nobody runs it again."""
    async with replica(tmp_path, point) as doomed:
        async with asyncio.timeout(PATIENCE):
            assert await doomed.wait() == -9
        before = rings(tmp_path)
        assert len(before) == (2 if point == "after the commit" else 1)
        async with replica(tmp_path) as other:
            found = await until(tmp_path, lambda found: len(found) >= 4)
    assert each_once(found)
    assert {pid for _, pid in found[len(before) :]} == {other.pid}


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_two_replicas_that_are_killed_again_and_again_run_each_tick_once(tmp_path: Path) -> None:
    """Whichever of them dies, and whenever: with ``missed="all"`` no tick is lost either."""
    async with contextlib.AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(replica(tmp_path)) for _ in range(2)]
        ran: set[int] = set()
        for turn in range(4):
            count = len(rings(tmp_path))
            found = await until(tmp_path, lambda found, least=count + 2: len(found) >= least)  # type: ignore[misc]
            ran.update(pid for _, pid in found)
            doomed = replicas[turn % 2]
            doomed.kill()
            assert await doomed.wait() == -9
            replicas[turn % 2] = await stack.enter_async_context(replica(tmp_path))
        count = len(rings(tmp_path))
        found = await until(tmp_path, lambda found: len(found) >= count + 2)
    assert each_once(found)
    assert len({pid for _, pid in found}) >= 2
