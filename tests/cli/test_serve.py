"""``freestone serve``: one process of a topology, started by hand or in a container."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

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
