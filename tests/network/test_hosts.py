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
    """Hosts that serve, and one that calls them some thirty times a second."""

    def __init__(self, hosts: Hosts) -> None:
        self.hosts = hosts
        self.processes: dict[int, asyncio.subprocess.Process] = {}
        self.calls: list[dict[str, Any]] = []
        self.long: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        """The calls that take three seconds, and may."""
        self.orders: set[int] = set()
        self._heard = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []

    def address(self, number: int) -> str:
        return f"tcp://{self.hosts.address(number)}:7000"

    async def serve(self, number: int, *nats: str) -> None:
        await self.run(number, "serve", self.address(number), f"host{number}", *nats)

    async def call(self, *endpoints: str) -> None:
        await self.run(0, "call", *endpoints)
        await self.until(lambda call: "error" not in call, 10)

    async def tell(self, number: int, *words: str) -> None:
        """Tell the process of a host something."""
        stdin = self.processes[number].stdin
        assert stdin is not None
        stdin.write((" ".join(words) + "\n").encode())
        await stdin.drain()

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

    async def run(self, number: int, *words: str) -> None:
        process = self.processes[number] = await self.hosts.run(number, *words)
        self._readers.append(asyncio.ensure_future(self._hear(process)))

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            report = json.loads(line)
            if "order" in report:
                self.orders.add(report["order"])
            elif report["what"] == "linger":
                self.long.put_nowait(report)
            else:
                self.calls.append(report)
                self._heard.set()

    async def end(self) -> None:
        await self.hosts.end()
        await asyncio.wait_for(asyncio.gather(*self._readers), 10)


@contextlib.asynccontextmanager
async def shop(hosts: Hosts, *called: int) -> AsyncGenerator[Shop]:
    """Run three hosts that serve, and have those called; with none named, nothing runs yet."""
    it = Shop(hosts)
    try:
        if called:
            for number in (1, 2, 3):
                await it.serve(number)
            await it.call(*map(it.address, called))
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
        await hosts.kill(it.processes[1])
        await it.tell(0, it.address(2))
        since = time.monotonic()
        call = await it.until(lambda call: call.get("by") == "host2", RETURNS + 5)
        assert call["began"] + call["took"] - since <= RETURNS


class Table:
    """The caller itself is told where the shop is."""

    async def start(self, it: Shop) -> None:
        for number in (1, 2):
            await it.serve(number)
        await it.call(it.address(1))

    async def move(self, it: Shop) -> None:
        await it.tell(0, it.address(2))


class Dns:
    """A name has the address of a host; the name server is on the third."""

    name = "dns://shop.test:7000"

    async def start(self, it: Shop) -> None:
        for number in (1, 2):
            await it.serve(number)
        await it.run(3, "names", it.hosts.address(3))
        await self.put(it, 1)
        await it.call(self.name, it.hosts.address(3))

    async def move(self, it: Shop) -> None:
        await self.put(it, 2)

    async def put(self, it: Shop, number: int) -> None:
        await it.tell(3, "shop.test A", it.hosts.address(number))


class DnsServices(Dns):
    """A service has a record, which has the name of a host and the port."""

    name = "dns+srv://_shop._tcp.test"

    async def put(self, it: Shop, number: int) -> None:
        await it.tell(3, f"host{number}.test A", it.hosts.address(number))
        await it.tell(3, f"_shop._tcp.test SRV 0 0 7000 host{number}.test.")


class Announced:
    """The hosts announce themselves through NATS, which is on the third."""

    async def start(self, it: Shop) -> None:
        nats = f"nats://{it.hosts.address(3)}:4222"
        await it.run(3, "nats", it.hosts.address(3))
        for number in (1, 2):
            await it.serve(number, nats)
        await it.tell(1, "here")
        await it.call(nats)

    async def move(self, it: Shop) -> None:
        await it.tell(2, "here")
        await it.tell(1, "gone")


@pytest.mark.parametrize("way", [Table, Dns, DnsServices, Announced])
async def test_calls_in_flight_finish_where_the_address_was(hosts: Hosts, way: type[Table | Dns | Announced]) -> None:
    """However the caller learns of the change: new ones go to the new place, and none fails."""
    found_by = way()
    async with shop(hosts) as it:
        await found_by.start(it)
        await it.tell(0, "linger")
        await it.pass_time(0.5)
        await found_by.move(it)
        moved = time.monotonic()
        call = await it.until(lambda call: call.get("by") == "host2", RETURNS + 5)
        assert call["began"] + call["took"] - moved <= RETURNS
        elsewhere = time.monotonic()
        async with asyncio.timeout(10):
            assert (await it.long.get())["by"] == "host1"
        assert {call.get("by") for call in it.calls if call["began"] >= elsewhere} == {"host2"}
        assert not [call for call in it.calls if "error" in call]
