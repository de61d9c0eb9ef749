"""Four hosts, and what becomes of calls when the network between them fails and heals."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Hosts

pytestmark = [pytest.mark.xdist_group("network"), pytest.mark.slow]
SECONDS = 1.0
"""The deadline of each call."""
GRACE = 0.5
"""Seconds that a busy machine may add to it."""
RETURNS = 2.0
"""Seconds after healing in which a call succeeds again."""


class Shop:
    """Three hosts that serve, and one that calls them some thirty times a second."""

    def __init__(self, hosts: Hosts) -> None:
        self.hosts = hosts
        self.servers: dict[int, asyncio.subprocess.Process] = {}
        self.calls: list[dict[str, Any]] = []
        self.orders: set[int] = set()
        self._caller: asyncio.subprocess.Process | None = None
        self._heard = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []

    def address(self, number: int) -> str:
        return f"tcp://{self.hosts.address(number)}:7000"

    async def start(self, *called: int) -> None:
        for number in (1, 2, 3):
            self.servers[number] = await self.hosts.run(number, "serve", self.address(number), f"host{number}")
            self._read(self.servers[number])
        self._caller = await self.hosts.run(0, "call", *map(self.address, called))
        self._read(self._caller)
        await self.until(lambda call: "error" not in call, 10)

    def move(self, *called: int) -> None:
        """Tell the caller that the shop is elsewhere."""
        assert self._caller is not None
        assert self._caller.stdin is not None
        self._caller.stdin.write((" ".join(map(self.address, called)) + "\n").encode())

    async def until(self, wanted: Any, seconds: float, after: float | None = None) -> dict[str, Any]:
        """Return the first call begun after that time, by default now, that is as wanted."""
        after = time.monotonic() if after is None else after
        seen = len(self.calls)
        async with asyncio.timeout(seconds):
            while True:
                while seen < len(self.calls):
                    call = self.calls[seen]
                    seen += 1
                    if call["began"] >= after and wanted(call):
                        return call
                self._heard.clear()
                await self._heard.wait()

    async def pass_time(self, seconds: float) -> None:
        """Let the calls go on for that long."""
        until = time.monotonic() + seconds
        await self.until(lambda call: call["began"] >= until, seconds + SECONDS + 5)

    async def returns(self, after: float) -> float:
        """Return how long after that time a call succeeded."""
        call = await self.until(lambda call: "error" not in call, RETURNS + 5, after)
        return float(call["began"] + call["took"] - after)

    def check(self) -> None:
        """Every call ended by its deadline, and its error says truly whether it happened."""
        assert self.calls
        for call in self.calls:
            assert call["took"] <= SECONDS + GRACE, call
            if call["what"] == "buy" and call.get("nothing"):
                assert call["call"] not in self.orders, call
            if call["what"] == "buy" and "error" not in call:
                assert call["call"] in self.orders, call
            if "error" in call:
                assert call["error"] in ("Unavailable", "DeadlineExceeded", "ConnectionLost", "ResourceExhausted"), call

    def _read(self, process: asyncio.subprocess.Process) -> None:
        self._readers.append(asyncio.ensure_future(self._hear(process)))

    async def _hear(self, process: asyncio.subprocess.Process) -> None:

        assert process.stdout is not None
        while line := await process.stdout.readline():
            report = json.loads(line)
            if "order" in report:
                self.orders.add(report["order"])
            else:
                self.calls.append(report)
                self._heard.set()

    async def end(self) -> None:
        await self.hosts.end()
        await asyncio.wait_for(asyncio.gather(*self._readers), 10)


@contextlib.asynccontextmanager
async def shop(hosts: Hosts, *called: int) -> AsyncGenerator[Shop]:
    it = Shop(hosts)
    try:
        await it.start(*called)
        yield it
    finally:
        await it.end()
    it.check()


@pytest.mark.parametrize(("ways", "seconds"), [("both", 4.5), ("there", 3.0), ("back", 1.7)])
async def test_a_partition_ends_calls_by_their_deadline_and_heals(hosts: Hosts, ways: str, seconds: float) -> None:
    """Between the caller and all that serve, in both directions and in each alone.

    After the longest the connections are lost, after the next one in doubt, and after the shortest TCP has just sent
    once more what was not acknowledged, and would wait longer than before until the next time.
    """
    async with shop(hosts, 1, 2, 3) as it:
        for number in (1, 2, 3):
            if ways in ("both", "there"):
                hosts.cut.add((0, number))
            if ways in ("both", "back"):
                hosts.cut.add((number, 0))
        since = time.monotonic()
        await it.until(lambda call: "error" in call, 5)
        await it.pass_time(since + seconds - time.monotonic())
        hosts.cut.clear()
        assert await it.returns(time.monotonic()) <= RETURNS


async def test_a_host_that_vanishes_leaves_its_calls_to_the_others(hosts: Hosts) -> None:
    """Without a word, as a host does that loses its power: queries go on within seconds."""
    async with shop(hosts, 1, 2, 3) as it:
        hosts.cut |= {(0, 1), (1, 0)}
        await it.pass_time(7.0)
        since = time.monotonic()
        await it.pass_time(1.0)
        later = [call for call in it.calls if call["began"] >= since]
        assert later
        assert not [call for call in later if "error" in call]


async def test_a_third_of_the_packets_lost_slows_calls_and_breaks_no_promise(hosts: Hosts) -> None:
    """TCP repeats; what takes too long ends by its deadline."""
    async with shop(hosts, 1, 2, 3) as it:
        hosts.loss = 0.3
        await it.pass_time(5.0)
        assert [call for call in it.calls if "error" not in call]
        hosts.loss = 0.0
        assert await it.returns(time.monotonic()) <= RETURNS


async def test_a_link_that_goes_down_and_up_is_used_again(hosts: Hosts) -> None:
    """That of the caller."""
    async with shop(hosts, 1, 2, 3) as it:
        hosts.link(0, "down")
        await it.until(lambda call: "error" in call, 5)
        await it.pass_time(2.0)
        hosts.link(0, "up")
        assert await it.returns(time.monotonic()) <= RETURNS


async def test_an_address_that_changes_is_followed(hosts: Hosts) -> None:
    """The old host goes at once; calls go to the new one."""
    async with shop(hosts, 1) as it:
        await hosts.kill(it.servers[1])
        it.move(2)
        since = time.monotonic()
        call = await it.until(lambda call: call.get("by") == "host2", RETURNS + 5)
        assert call["began"] + call["took"] - since <= RETURNS
