"""One replica of three goes bad, in several ways, while calls come at a steady rate: how soon is it as before?

``python -m benchmarks.resilience`` runs the replicas as processes of their own, on Unix sockets, and prints a table.
The calls are an open loop: they begin when they are due, whatever became of those before. A call counts in the window
in which it began, so that one which hangs makes the moment bad at which it was sent.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import uvloop

from freestone.call import (
    CallPolicy,
    Dispatcher,
    Hedge,
    Policies,
    Pool,
    Server,
    StaticResolver,
    UnixAddress,
    WireTransport,
    client,
)
from freestone.clock import system_random
from freestone.contract import Contract, command, query
from freestone.errors import ServiceError, Unavailable
from freestone.wire import Hello

WORK: Final = 0.01
"""Seconds that a call takes while all is well."""
SLOW: Final = 100
"""How many times as long it takes in a replica that is slow."""
QUIET: Final = 3.0
"""How many times the quiet p99 is as before; but at least ``floor``."""


class Stock(Contract):
    """Answers, and is told how."""

    @query
    async def count(self, item: str) -> int:
        """Return how many there are, after a while."""
        ...

    @command
    async def become(self, mood: str) -> None:
        """Be "well", "slow", "hung" or "refusing" from now on."""
        ...


class StockService(Stock):
    """A replica."""

    mood = "well"

    async def count(self, item: str) -> int:
        if self.mood == "refusing":
            raise Unavailable("out of order")
        if self.mood == "hung":
            await asyncio.Event().wait()
        await asyncio.sleep(WORK * SLOW if self.mood == "slow" else WORK)
        return len(item)

    async def become(self, mood: str) -> None:
        self.mood = mood


async def serve(path: Path) -> None:
    """Be a replica until somebody ends it."""
    path.unlink(missing_ok=True)
    server = Server(
        Dispatcher({"stock": StockService()}), Hello(application="bench", process="stock", instance=path.name)
    )
    await server.listen(UnixAddress(str(path)))
    await asyncio.Event().wait()


@dataclass(slots=True)
class Calls:
    """What became of calls: when each began, in seconds since the start, what it took, and whether it failed."""

    began: list[float] = field(default_factory=list[float])
    took: list[float] = field(default_factory=list[float])
    failed: list[bool] = field(default_factory=list[bool])

    def p99(self, start: float, end: float) -> float:
        """Return the 99th percentile of what the calls took that began in that time."""
        within = sorted(took for began, took in zip(self.began, self.took, strict=True) if start <= began < end)
        return within[min(len(within) - 1, int(len(within) * 0.99))] if within else 0.0

    def failures(self, start: float, end: float) -> int:
        """Return how many failed of those that began in that time."""
        return sum(bad for began, bad in zip(self.began, self.failed, strict=True) if start <= began < end)

    def recovery(self, fault: float, end: float, quiet: float, window: float, floor: float) -> float:
        """Return the seconds from a change until the p99 is as it was in the first ``quiet`` seconds, and stays so.

        It is taken over windows of so many seconds; what is under ``floor`` is as before in any case.
        """
        bound = max(QUIET * self.p99(0, quiet), floor)
        windows = round((end - fault) / window)
        bad = [n for n in range(windows) if self.p99(fault + n * window, fault + (n + 1) * window) > bound]
        return (bad[-1] + 1) * window if bad else 0.0


@dataclass(slots=True)
class Replicas:
    """Three processes, and a way to each of them alone."""

    directory: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    def path(self, number: int) -> Path:
        return self.directory / f"stock{number}.sock"

    async def start(self, number: int) -> None:
        command = [sys.executable, "-m", "benchmarks.resilience", "--serve", str(self.path(number))]
        self.processes[number : number + 1] = [subprocess.Popen(command)]  # noqa: ASYNC220 - it takes a millisecond
        while not self.path(number).exists():  # noqa: ASYNC110 - there is no event of another process
            await asyncio.sleep(0.01)

    async def tell(self, number: int, mood: str) -> None:
        pool = Pool(
            Hello(application="bench", process="bench", instance="control"),
            StaticResolver({"stock": [UnixAddress(str(self.path(number)))]}),
            random=system_random(),
        )
        await client(Stock, WireTransport(pool, "stock", "stock")).become(mood)
        await pool.close()

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


async def load(stock: Stock, rate: float, seconds: float, calls: Calls) -> None:
    """Call at that rate for so long, and wait until the last one has ended."""
    loop = asyncio.get_running_loop()
    start, chance = time.monotonic(), random.Random(5)
    tasks: set[asyncio.Task[None]] = set()

    async def one() -> None:
        began = time.monotonic()
        failed = False
        try:
            await stock.count("tea")
        except ServiceError:
            failed = True
        calls.began.append(began - start)
        calls.took.append(time.monotonic() - began)
        calls.failed.append(failed)

    due = 0.0
    while due < seconds:
        await asyncio.sleep(max(0.0, start + due - time.monotonic()))
        task = loop.create_task(one())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        due += chance.expovariate(rate)
    await asyncio.gather(*tasks)


async def slow(replicas: Replicas) -> None:
    await replicas.tell(0, "slow")


async def hung(replicas: Replicas) -> None:
    await replicas.tell(0, "hung")


async def refusing(replicas: Replicas) -> None:
    await replicas.tell(0, "refusing")


async def stopped(replicas: Replicas) -> None:
    os.kill(replicas.processes[0].pid, signal.SIGSTOP)


async def killed(replicas: Replicas) -> None:
    replicas.processes[0].kill()
    replicas.processes[0].wait()
    replicas.path(0).unlink()


FAULTS: Final[dict[str, Callable[[Replicas], Awaitable[None]]]] = {
    "is slow, 100 times": slow,
    "hangs": hung,
    "refuses each call": refusing,
    "lies dead (SIGSTOP)": stopped,
    "is killed": killed,
}


async def heal(replicas: Replicas) -> None:
    """Make the first replica as it was."""
    process = replicas.processes[0]
    if process.poll() is None:
        os.kill(process.pid, signal.SIGCONT)
        await replicas.tell(0, "well")
    else:
        await replicas.start(0)


async def experiment(fault: str, policies: Policies, rate: float, phase: float) -> Calls:
    """Run quietly, then with the fault, then healed; each for so many seconds."""
    calls = Calls()
    with TemporaryDirectory() as directory:
        replicas = Replicas(Path(directory))
        try:
            for number in range(3):
                await replicas.start(number)
            pool = Pool(
                Hello(application="bench", process="bench", instance="load"),
                StaticResolver({"stock": [UnixAddress(str(replicas.path(number))) for number in range(3)]}),
                random=system_random(),
            )
            stock = client(Stock, WireTransport(pool, "stock", "stock", policies))
            await asyncio.gather(*(stock.count("warm") for _ in range(100)))
            await asyncio.sleep(0.2)
            running = asyncio.ensure_future(load(stock, rate, 3 * phase, calls))
            await asyncio.sleep(phase)
            await FAULTS[fault](replicas)
            await asyncio.sleep(phase)
            await heal(replicas)
            await running
            await pool.close()
        finally:
            replicas.stop()
    return calls


def row(fault: str, calls: Calls, phase: float, window: float, floor: float) -> str:
    """Return a line of the table."""
    quiet, bad, good = (calls.p99(part * phase, (part + 1) * phase) * 1000 for part in range(3))
    return (
        f"| {fault} | {quiet:.1f} | {calls.recovery(phase, 2 * phase, phase, window, floor):.1f} | {bad:.1f} "
        f"| {calls.recovery(2 * phase, 3 * phase, phase, window, floor):.1f} | {good:.1f} "
        f"| {calls.failures(phase, 3 * phase)} of {len(calls.began)} |"
    )


POLICIES: Final = {
    "by default": Policies(CallPolicy(deadline=2.0)),
    "with hedges": Policies(CallPolicy(deadline=2.0, hedge=Hedge())),
}


def main() -> None:
    """Run each fault with each policy, and print a table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.resilience", description=__doc__)
    options.add_argument("--serve", type=Path)
    options.add_argument("--rate", type=float, default=200.0, help="calls a second")
    options.add_argument("--phase", type=float, default=5.0, help="seconds of quiet, of the fault, and after it")
    options.add_argument("--window", type=float, default=0.5, help="seconds over which a p99 is taken")
    options.add_argument("--floor", type=float, default=0.0, help="seconds under which a p99 is as before in any case")
    chosen = options.parse_args()
    if chosen.serve is not None:
        with contextlib.suppress(KeyboardInterrupt):
            uvloop.run(serve(chosen.serve))
        return
    for name, policies in POLICIES.items():
        print(f"\n{name}, {chosen.rate:g} calls a second\n")
        print("| one of three | quiet p99, ms | p99 as before after, s | p99 while it is bad, ms "
              "| when it is back, as before after, s | p99 then, ms | failed |")  # fmt: skip
        print("|---|---|---|---|---|---|---|")
        for fault in FAULTS:
            calls = uvloop.run(experiment(fault, policies, chosen.rate, chosen.phase))
            print(row(fault, calls, chosen.phase, chosen.window, chosen.floor), flush=True)


if __name__ == "__main__":
    main()
