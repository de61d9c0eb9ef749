"""Replicas in processes of their own, on a real stream, really killed and really stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from freestone.cluster import NatsConnection, NatsSettings
from freestone.events import Envelope
from freestone.events.drivers import JetStreamBroker
from freestone.testing.nats import nats_server

SCRIPT = Path(__file__).parent / "replica.py"
PATIENCE = 100.0

pytestmark = pytest.mark.parametrize("rig", ["sqlite"], indirect=True)

Start = Callable[[], Any]


class Replica:
    """A process, and what it has said."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._said = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def until(self, condition: Callable[[list[str]], bool]) -> None:
        """Wait until what it has said is what is waited for."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition(self.lines):
                    self._said.clear()
                    await self._said.wait()
        except TimeoutError:
            raise AssertionError("\n".join(self.lines[-40:])) from None

    async def kill(self) -> None:
        """End it with SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.lines.append(line.decode().rstrip())
            self._said.set()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Any]:
    async with nats_server(tmp_path / "nats") as server:
        connection = NatsConnection(NatsSettings((server.url,)))
        await connection.start()
        broker = JetStreamBroker(connection, "shop", partitions=8)
        await broker.start()
        yield broker, server.url
        await broker.close()
        await connection.close()


@pytest.fixture
async def start(rig: Any, broker: Any, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts one more replica, on the database of the rig."""
    replicas: list[Replica] = []

    async def run() -> Replica:
        arguments = (str(SCRIPT), str(rig.where), broker[1], str(tmp_path / "gate"))
        replica = Replica(await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE))
        replicas.append(replica)
        await replica.until(lambda lines: "ready" in lines)
        return replica

    yield run
    for replica in replicas:
        await replica.kill()


async def stopped(replica: Replica, database: Path) -> None:
    """Stop a process with SIGSTOP where it has no lock on the file, which nobody could take from it."""
    while True:
        replica.process.send_signal(signal.SIGSTOP)
        if await asyncio.to_thread(is_free, database):
            return
        replica.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.01)


def is_free(database: Path) -> bool:
    with contextlib.closing(sqlite3.connect(database, timeout=0.5, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


async def written(rig: Any, count: int) -> None:
    """Wait until so many events took effect."""

    async def are_there() -> bool:
        return len(await rig.entries()) >= count

    await rig.eventually(are_there, PATIENCE)


def handled(count: int) -> Callable[[list[str]], bool]:
    return lambda lines: sum(1 for line in lines if line.startswith("handled")) >= count


@pytest.mark.timeout(180)
async def test_p10_what_a_killed_process_had_under_way_is_taken_over(
    rig: Any, broker: Any, start: Start, place: Callable[..., Envelope]
) -> None:
    """Each event takes effect once, in its key's order; what was done and not yet written down is absorbed."""
    keys = [f"key {number % 24}" for number in range(450)]
    events = [place(number, key) for number, key in enumerate(keys)]
    first = await start()
    await broker[0].publish(events[:150])
    await first.until(handled(60))
    second = await start()
    await broker[0].publish(events[150:300])
    await first.until(handled(110))
    await first.kill()
    await broker[0].publish(events[300:])
    await written(rig, 450)
    await second.until(lambda lines: any(line.startswith("absorbed") for line in lines))

    assert sorted(await rig.entries()) == list(range(450))
    for key in set(keys):
        own = await rig.entries(key)
        assert own == sorted(own)


@pytest.mark.timeout(180)
async def test_p18_a_process_that_was_stopped_past_its_lease_writes_nothing(
    rig: Any, broker: Any, start: Start, place: Callable[..., Envelope], tmp_path: Path
) -> None:
    """Another has its partitions and its event by then; when it goes on, what it had under way is refused."""
    zombie = await start()
    await broker[0].publish([place(1, "gate"), place(2, "gate")])
    await zombie.until(lambda lines: "at the gate 1" in lines)
    await stopped(zombie, rig.where)
    try:
        other = await start()
        await other.until(lambda lines: "at the gate 1" in lines)
        (tmp_path / "gate").touch()
        await other.until(handled(2))
    finally:
        zombie.process.send_signal(signal.SIGCONT)
    await zombie.until(lambda lines: any("is lost" in line or "another process's now" in line for line in lines))
    await broker[0].publish([place(number, f"key {number}") for number in range(3, 40)])
    await written(rig, 39)

    assert await rig.entries("gate") == [1, 2]
    assert sorted(await rig.entries()) == list(range(1, 40))
    assert not any(line.startswith("handled event-1") and line.endswith("-1") for line in zombie.lines)
