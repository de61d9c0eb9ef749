"""P37: a disk that is really full, a file system of 1 MB in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

PROGRAM = dedent(
    """
    import asyncio, os, pathlib, sys
    from sqlalchemy import text
    from freestone.data import Database
    from freestone.errors import DidNotHappen, ResourceExhausted

    INSERT = text("INSERT INTO entry VALUES (:number, :part, :padding)")

    async def write(db, number):
        async def both():
            for part in (1, 2):
                await db.execute(INSERT, {"number": number, "part": part, "padding": "x" * 2000})
        await db.transact(both)

    async def rows(db):
        async with db.transaction():
            found = await db.execute(text("SELECT number, count(*) FROM entry GROUP BY number"))
            return {number: parts for number, parts in found}

    async def main():
        folder = pathlib.Path(sys.argv[1])
        ballast = folder / "ballast"
        ballast.write_bytes(b"x" * 300_000)
        db = Database.open(folder / "bank.db")
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
        async with db.transaction():
            assert await db.scalar(text("PRAGMA integrity_check")) == "ok"
        await db.close()
        print("all is well")

    asyncio.run(main())
    """
)


def mounted(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that finds a file system of 1 MB mounted at the folder, which is gone with the command."""
    script = 'mount -t tmpfs -o size=1M tmpfs "$0" && exec "$@"'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, str(folder), *command], capture_output=True, text=True, check=False
    )


def test_p37_a_full_file_system_refuses_cleanly_and_work_resumes(tmp_path: Path) -> None:
    """Commands fail as what did not happen, and did not; nothing is damaged; with room again they go on."""
    if sys.platform != "linux" or shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("file systems are mounted by root, on Linux")
    if mounted(tmp_path, "true").returncode != 0:
        pytest.skip("nothing can be mounted here")
    done = mounted(tmp_path, sys.executable, "-c", PROGRAM, str(tmp_path))
    assert done.stdout == "all is well\n", done.stderr
