"""P31: what was answered outlasts a power loss. A library that stands before fsync keeps what a power loss leaves."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from asyncio.subprocess import PIPE
from contextlib import closing
from pathlib import Path
from textwrap import dedent

import pytest

SHADOW = r"""
/* Keeps a copy of each file as it was when it was last synced: what a power loss leaves of it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void keep(int fd) {
    const char *shadow = getenv("SHADOW");
    char link[64], path[4096], fresh[8192], kept[8192], buffer[65536];
    ssize_t length;
    off_t at = 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (!shadow || (length = readlink(link, path, sizeof path - 1)) < 0) return;
    path[length] = 0;
    const char *name = strrchr(path, '/');
    if (!name || !strstr(name, ".db")) return;
    snprintf(kept, sizeof kept, "%s%s", shadow, name);
    snprintf(fresh, sizeof fresh, "%s%s.new", shadow, name);
    int copy = open(fresh, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    while ((length = pread(fd, buffer, sizeof buffer, at)) > 0) {
        if (write(copy, buffer, length) != length) _exit(99);
        at += length;
    }
    close(copy);
    rename(fresh, kept);
}
static int synced(const char *name, int fd) {
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, name);
    int done = real(fd);
    if (!done) keep(fd);
    return done;
}
int unlink(const char *path) {
    int (*real)(const char *) = (int (*)(const char *)) dlsym(RTLD_NEXT, "unlink");
    const char *shadow = getenv("SHADOW"), *name = strrchr(path, '/');
    char kept[8192];
    if (shadow && name && strstr(name, ".db")) {
        snprintf(kept, sizeof kept, "%s%s", shadow, name);
        real(kept);
    }
    return real(path);
}
int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }
"""

WRITER = dedent(
    """
    import asyncio, sys
    from sqlalchemy import text
    from freestone.data import Database

    async def write(db, numbers):
        for number in numbers:
            async with db.transaction():
                await db.execute(text("INSERT INTO entry VALUES (:number, 'first')"), {"number": number})
                await db.execute(text("INSERT INTO entry VALUES (:number, 'second')"), {"number": number})
            sys.stdout.write(f"{number}\\n")
            sys.stdout.flush()

    async def main():
        db = Database.open(sys.argv[1], durability=sys.argv[2])
        await db.start()
        async with db.transaction():
            await db.execute(text("CREATE TABLE entry (number INTEGER, part TEXT)"))
        await asyncio.gather(*(write(db, range(first, 100_000, 16)) for first in range(16)))

    asyncio.run(main())
    """
)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The library that is loaded before that of C."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("there is no compiler, or no LD_PRELOAD")
    (tmp_path / "shadow.c").write_text(SHADOW)
    made = tmp_path / "shadow.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, tmp_path / "shadow.c", "-ldl"], check=True)
    return made


async def power_loss(
    folder: Path, library: Path, durability: str, answers: int
) -> tuple[set[int], list[tuple[int, int]]]:
    """Write until there were so many answers, lose the power; return what was answered, and what is left of it."""
    for name in ("disk", "shadow"):
        (folder / name).mkdir()
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(folder / "disk" / "bank.db"), durability, stdout=PIPE,
        env={**os.environ, "LD_PRELOAD": str(library), "SHADOW": str(folder / "shadow")},
    )  # fmt: skip
    assert writer.stdout is not None
    told = [await asyncio.wait_for(writer.stdout.readline(), 60) for _ in range(answers)]
    writer.kill()
    rest = await writer.stdout.read()
    await writer.wait()
    answered = {int(line) for line in [*told, *rest.split(b"\n")[:-1]]}
    with closing(sqlite3.connect(folder / "shadow" / "bank.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        try:
            left = connection.execute("SELECT number, count(*) FROM entry GROUP BY number").fetchall()
        except sqlite3.OperationalError:  # the table itself is gone
            left = []
    return answered, left


@pytest.mark.slow
async def test_p31_what_was_answered_is_left_after_a_power_loss(tmp_path: Path, library: Path) -> None:
    """Of what was never synced nothing is left; every transaction that was answered is, and whole."""
    for number in range(3):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        answered, left = await power_loss(folder, library, "full", 100 + 70 * number)
        assert answered
        assert answered <= {key for key, _ in left}
        assert {parts for _, parts in left} == {2}


@pytest.mark.slow
async def test_p31_with_normal_durability_the_last_answers_are_lost_and_what_is_left_is_whole(
    tmp_path: Path, library: Path
) -> None:
    """Which shows that the power loss of these tests is one."""
    answered, left = await power_loss(tmp_path, library, "normal", 100)
    assert answered - {key for key, _ in left}
    assert {parts for _, parts in left} <= {2}
