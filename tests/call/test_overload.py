"""More than can be served, between two real processes. This file is the test, and run by itself the server."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from freestone.call import (
    Dispatcher,
    Pool,
    Server,
    Serving,
    StaticResolver,
    UnixAddress,
    WireTransport,
    client,
)
from freestone.contract import Contract, query
from freestone.errors import DeadlineExceeded, ResourceExhausted
from freestone.service import deadline
from freestone.testing import fake_random
from freestone.wire import Hello

HELLO = Hello(application="academy", process="catalog", instance="1")


class Work(Contract):
    """What uses the processor."""

    @query
    async def compute(self) -> int:
        """Use it for some milliseconds."""


class Meter(Contract):
    """How much was used."""

    @query
    async def used(self) -> float:
        """Return the seconds of processor time that the process has had."""


class WorkService(Work):
    async def compute(self) -> int:
        return sum(number * number % 7 for number in range(100_000))


class MeterService(Meter):
    async def used(self) -> float:
        return time.process_time()


async def serve(address: str) -> None:
    """Serve until killed."""
    dispatcher = Dispatcher({"work": WorkService()})
    dispatcher.add("meter", MeterService(), essential=True)
    await Server(dispatcher, HELLO, serving=Serving()).listen(UnixAddress(address))
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[tuple[Work, Meter]]:
    """A server in a process of its own."""
    address = directory / "work.sock"
    process = subprocess.Popen([sys.executable, __file__, str(address)])  # noqa: ASYNC220 (before anything else runs)
    pool = Pool(HELLO, StaticResolver({"work": [UnixAddress(str(address))]}), random=fake_random())
    try:
        yield client(Work, WireTransport(pool, "work", "work")), client(Meter, WireTransport(pool, "work", "meter"))
    finally:
        await pool.close()
        process.kill()
        process.wait()


async def test_work_goes_on_when_four_times_as_much_comes(tmp_path: Path) -> None:
    """Most of the processor's time goes into answers that are in time, and the process can still be asked.

    Without a limit little does, and less the longer it lasts: every answer comes too late. The bound is on processor
    time, which does not depend on what else the machine does.
    """
    async with serving(tmp_path) as (work, meter):
        done = refused = late = 0

        async def call() -> None:
            nonlocal done, refused, late
            try:
                async with deadline(0.5):
                    await work.compute()
                done += 1
            except ResourceExhausted:
                refused += 1
            except DeadlineExceeded:
                late += 1

        await work.compute()
        before, began = await meter.used(), time.monotonic()
        for _ in range(10):
            await asyncio.gather(*(work.compute() for _ in range(4)))
        each, rate = (await meter.used() - before) / 40, 40 / (time.monotonic() - began)

        async with asyncio.TaskGroup() as calls:
            loop, before = asyncio.get_running_loop(), await meter.used()
            start, sent = loop.time(), 0
            while (passed := loop.time() - start) < 3:
                for _ in range(int(passed * rate * 4) - sent):
                    calls.create_task(call())
                    sent += 1
                await asyncio.sleep(0.002)
            used = await meter.used() - before
        assert refused
        assert done * each > 0.4 * used, f"{done} done, {refused} refused, {late} late"


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
