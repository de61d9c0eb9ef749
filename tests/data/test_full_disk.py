"""P37: a disk that is really full, a small file system in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

PROGRAM = dedent(
    """
    import asyncio, contextlib, pathlib, shutil, sys
    from sqlalchemy import text
    from freestone.data import Database
    from freestone.errors import DidNotHappen, ResourceExhausted
    from freestone.testing import postgres_server

    INSERT = text("INSERT INTO entry VALUES (:number, :part, :padding)")

    async def write(db, number):
        async def both():
            for part in (1, 2):  # a text that is longer PostgreSQL would compress
                await db.execute(INSERT, {"number": number, "part": part, "padding": "x" * 1900})
        await db.transact(both)

    async def rows(db):
        async with db.transaction():
            found = await db.execute(text("SELECT number, count(*) FROM entry GROUP BY number"))
            return {number: parts for number, parts in found}

    class File:
        # A file on the file system.

        def __init__(self, folder):
            self.url = folder / "bank.db"

        async def check(self, db):
            async with db.transaction():
                assert await db.scalar(text("PRAGMA integrity_check")) == "ok"

    class Server:
        # A database of a server, whose files are on the file system.

        def __init__(self, server, url):
            self.server, self.url = server, url

        async def check(self, db):
            await self.server.kill()
            await self.server.start()

    @contextlib.asynccontextmanager
    async def file(folder):
        yield File(folder)

    @contextlib.asynccontextmanager
    async def server(folder):
        space = folder / "space"
        space.mkdir()
        shutil.chown(space, "nobody")
        async with postgres_server(fsync="off") as it:
            async with it.admin() as admin:
                await admin.execute(f"CREATE TABLESPACE small LOCATION '{space}'")
                await admin.execute("CREATE DATABASE bank TABLESPACE small STRATEGY file_copy")
            yield Server(it, it.url_of("bank"))

    async def main():
        folder, opened, ballast = pathlib.Path(sys.argv[1]), {"file": file, "server": server}[sys.argv[2]], sys.argv[3]
        async with opened(folder) as place:
            await fill(place, folder / "ballast", int(ballast))

    async def fill(place, ballast, size):
        ballast.write_bytes(b"x" * size)
        db = Database.open(place.url)
        await db.start()
        async with db.transaction():
            await db.execute(text("CREATE TABLE entry (number INTEGER, part INTEGER, padding TEXT)"))
        told, failures, number = set(), [], 0
        while len(failures) < 40:
            batch = range(number, number + 8)
            number += 8
            outcomes = await asyncio.gather(*(write(db, it) for it in batch), return_exceptions=True)
            for it, outcome in zip(batch, outcomes):
                told.add(it) if outcome is None else failures.append(outcome)
        assert told
        assert all(isinstance(it, DidNotHappen) for it in failures), failures
        assert any(isinstance(it, ResourceExhausted) and "has no room left" in str(it) for it in failures), failures
        assert await rows(db) == dict.fromkeys(told, 2)
        ballast.unlink()
        await asyncio.gather(*(write(db, it) for it in range(number, number + 8)))
        told.update(range(number, number + 8))
        assert await rows(db) == dict.fromkeys(told, 2)
        await place.check(db)
        assert await rows(db) == dict.fromkeys(told, 2)
        await db.close()
        print("all is well")

    asyncio.run(main())
    """
)


def mounted(folder: Path, size: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that finds a file system of that size mounted at the folder, which is gone with the command."""
    script = f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, str(folder), *command], capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where something can be mounted that whoever runs a server may enter."""
    if sys.platform != "linux" or shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("file systems are mounted by root, on Linux")
    with tempfile.TemporaryDirectory(prefix="freestone-full-") as name:
        if mounted(Path(name), "1M", "true").returncode != 0:
            pytest.skip("nothing can be mounted here")
        yield Path(name)


@pytest.mark.parametrize(("place", "size", "ballast"), [("file", "1M", 300_000), ("server", "12M", 1_500_000)])
def test_p37_a_full_file_system_refuses_cleanly_and_work_resumes(
    folder: Path, place: str, size: str, ballast: int
) -> None:
    """Commands fail as what did not happen, and did not; nothing is damaged; with room again they go on.

    In a file, and in a server of PostgreSQL that has its tables there, which is killed and started again afterwards.
    """
    done = mounted(folder, size, sys.executable, "-c", PROGRAM, str(folder), place, str(ballast))
    assert done.stdout == "all is well\n", done.stderr
