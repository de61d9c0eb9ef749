"""``python -m benchmarks.idle [CONNECTIONS [SECONDS]]``: what connections cost on which nothing is called.

A caller opens them all to one callee, makes a call on each, and then both do nothing. Printed is the CPU that both
processes take meanwhile, and the memory that each connection has added to them.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from tempfile import TemporaryDirectory

import psutil
import uvloop

from freestone import Contract, query, service
from freestone.call import Dispatcher, Pool, Server, StaticResolver, UnixAddress, WireTransport, client
from freestone.wire import Hello

from .callee import callee

HELLO = Hello(application="bench", process="desk", instance="1")
SETTLED = 3.0
"""Seconds until what came of opening them is over."""


class Desk(Contract):
    """Is rarely asked."""

    @query
    async def ask(self) -> int:
        """Return a number."""


@service
class DeskService(Desk):
    """Keeps nothing."""

    async def ask(self) -> int:
        """Return a number."""
        return 1


async def serve(path: str) -> None:
    """Answer until cancelled."""
    await Server(Dispatcher({"desk": DeskService()}), HELLO, connections=10**6).listen(UnixAddress(path))
    print("ready", flush=True)
    await asyncio.Event().wait()


def taken(process: psutil.Process) -> tuple[float, float]:
    """Return the seconds of CPU and the MB of its own memory that a process has taken so far."""
    times = process.cpu_times()
    return times.user + times.system, process.memory_full_info().uss / 1e6


async def main(connections: int, seconds: float) -> None:
    """Open the connections, wait, and print what that cost."""
    with TemporaryDirectory(prefix="fsb-") as directory:
        path = f"{directory}/desk.sock"
        with callee("benchmarks.idle", path) as server:
            both = {"caller": psutil.Process(), "callee": psutil.Process(server.pid)}
            names = [f"desk{number}" for number in range(connections + 1)]
            resolver = StaticResolver({name: [UnixAddress(path)] for name in names})
            pool = Pool(HELLO, resolver, random=random.Random(1))
            before = {}
            for number, name in enumerate(names):
                await client(Desk, WireTransport(pool, name, "desk")).ask()
                if number == 0:  # what is made once is made by then
                    before = {name: taken(process)[1] for name, process in both.items()}
            await asyncio.sleep(SETTLED)
            began, start = time.perf_counter(), {name: taken(process) for name, process in both.items()}
            await asyncio.sleep(seconds)
            passed = time.perf_counter() - began
            print(f"{connections:,} idle connections for {passed:.0f} s:")
            for name, process in both.items():
                cpu = (taken(process)[0] - start[name][0]) / passed
                each = (start[name][1] - before[name]) * 1e3 / connections
                print(f"  {name}: {cpu:.2%} of a core, {each:.1f} KB for each")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        uvloop.run(serve(sys.argv[2]))
    else:
        connections, seconds = (*sys.argv[1:], "1000", "30")[:2] if len(sys.argv) != 2 else (sys.argv[1], "30")
        uvloop.run(main(int(connections), float(seconds)))
