"""``freestone serve``: one process of a topology, started by hand or in a container."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import make_desk

if TYPE_CHECKING:
    from .conftest import Start, Words

_CALLER = """
import asyncio, sys
from desk.contract import Clerk
from freestone import connect

async def main():
    async with connect(Clerk, sys.argv[1], service="clerk", application="desk") as clerk:
        print(await clerk.sums((1, 2, 3)))

asyncio.run(main())
"""


def test_processes_that_are_started_by_hand_find_each_other(start: Start, desk: Path) -> None:
    """In any order: on one machine their sockets have fixed places. SIGTERM drains each, with status 0."""
    served = [
        start(desk, "clerk", "--topology", "cut", command="serve"),
        start(desk, "desk", "--topology", "cut", command="serve"),
        start(desk, "desk", "--topology", "cut", "--replica", "1", command="serve"),
    ]
    address = served[0].until_said("desk: clerk serves on unix://").rpartition(" ")[2]
    called = subprocess.run(
        [sys.executable, "-c", _CALLER, address], cwd=desk, capture_output=True, text=True, timeout=40, check=False
    )
    assert called.stdout == "6\n", called.stderr
    for each in served:
        each.process.send_signal(signal.SIGTERM)
    assert [each.ended() for each in served] == [0, 0, 0]
    assert not Path(address.removeprefix("unix://")).exists()


@pytest.fixture
def deep_desk(tmp_path: Path) -> Iterator[Path]:
    """Make an application below a path that is longer than a socket's may be."""
    directory = make_desk(tmp_path / ("deep" * 30) / "application")
    yield directory
    digest = hashlib.sha256(str(directory / ".freestone" / "run" / "cut").encode()).hexdigest()[:12]
    shutil.rmtree(Path(tempfile.gettempdir()) / f"freestone-{os.getuid()}-{digest}")


def test_a_long_path_does_not_keep_processes_from_meeting(start: Start, deep_desk: Path) -> None:
    """Their sockets are then where temporary files are, in a directory that nobody else may enter."""
    clerk = start(deep_desk, "clerk", "--topology", "cut", command="serve")
    desk = start(deep_desk, "desk", "--topology", "cut", command="serve")
    path = Path(desk.until_said("desk: desk serves on unix://").rpartition("unix://")[2])
    assert len(str(path)) < 100
    assert path.parent.stat().st_mode & 0o077 == 0
    assert clerk.until_said("desk: clerk serves on unix://").endswith(f"{path.parent}/clerk-0.sock")


def test_the_gateway_listens_where_the_file_says(start: Start, shop: Path) -> None:
    """Which is printed, as the port may be any."""
    edge = start(shop, "edge", "--topology", "split", command="serve")
    assert "gateway on http://127.0.0.1:" in edge.until_said("shop: edge serves on unix://")


def test_an_unknown_process_is_named_with_those_that_there_are(freestone: Words, desk: Path) -> None:
    """And nothing is served."""
    shown = freestone("serve", "clark", "--topology", "cut", cwd=desk)
    assert shown.returncode == 78
    assert 'cut has no process "clark"' in shown.stderr


def test_a_replica_that_there_is_not_is_refused(freestone: Words, desk: Path) -> None:
    """They are counted from 0."""
    shown = freestone("serve", "desk", "--topology", "cut", "--replica", "2", cwd=desk)
    assert shown.returncode == 2
    assert "desk has 2 replicas, numbered from 0; there is no 2" in shown.stderr
