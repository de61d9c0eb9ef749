"""What a server does when too much comes: more calls a second than it can serve, from callers that do not wait.

The load is open: calls come at random moments, as those of many independent people do, however the earlier ones fare.
Latency counts from the moment when a call was due. The server has one core, the callers the other.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

import psutil
import uvloop

from freestone import Contract, deadline, errors, query
from freestone.call import (
    CallPolicy,
    Dispatcher,
    Policies,
    Pool,
    Retry,
    Server,
    Serving,
    StaticResolver,
    WireTransport,
    client,
    parse_address,
)
from freestone.clock import system_random
from freestone.wire import Hello

from .refusals import Refusals

LOADS: Final = (0.5, 1.0, 2.0, 10.0)
PATIENCE: Final = 1.0
"""Seconds that a caller waits."""
RETRIES: Final = ("naive", "framework")
_WARM: Final = 7.0
"""Seconds at the beginning of each measurement that are not counted: the limit finds itself."""
_ROUNDS_OF_WORK: Final = 20_000
"""Turns of the loop in ``_work``: about 2 ms."""


class Work(Contract):
    """Three kinds of it."""

    @query
    async def compute(self, number: int) -> int:
        """Use the processor for about 2 ms."""

    @query
    async def wait(self, number: int) -> int:
        """Use the processor for about 1 ms, wait 20 ms, use it for 1 ms."""

    @query
    async def share(self, number: int) -> int:
        """Use one of five connections for 10 ms."""

    @query
    def refusals(self) -> AsyncIterator[tuple[float, ...]]:
        """Tell how long refusals took since the last time. It is a stream, as those are let in whatever the load."""


def _work(share: float = 1.0) -> int:
    total = 0
    for number in range(int(_ROUNDS_OF_WORK * share)):
        total += number * number % 7
    return total


class WorkService(Work):
    def __init__(self) -> None:
        self._connections = asyncio.Semaphore(5)
        self._refusals = Refusals()

    async def compute(self, number: int) -> int:
        _work()
        return number

    async def wait(self, number: int) -> int:
        _work(0.5)
        await asyncio.sleep(0.02)
        _work(0.5)
        return number

    async def share(self, number: int) -> int:
        async with self._connections:
            await asyncio.sleep(0.01)
        return number

    async def refusals(self) -> AsyncIterator[tuple[float, ...]]:
        yield self._refusals.take()


KINDS: Final = {"compute": 8, "wait": 64, "share": 16}
"""Each with the calls at a time that use all of the server."""


async def serve(address: str, guard: str) -> None:
    """Serve until killed."""
    hello = Hello(application="bench", process="work", instance="1")
    limits = Serving(limit="adaptive" if guard == "on" else "off")
    server = Server(Dispatcher({"work": WorkService()}), hello, serving=limits)
    await server.listen(parse_address(f"unix://{address}"))
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def serving(
    guard: str, core: int | None, policies: Policies | None = None
) -> AsyncIterator[tuple[Work, psutil.Process]]:
    """Run a server in a process of its own, and give a client of it."""
    with TemporaryDirectory(prefix="fso-") as directory:
        address = f"{directory}/work.sock"
        command = [sys.executable, "-m", "benchmarks.overload", "--serve", address, "--guard", guard]
        process = subprocess.Popen(command)  # noqa: ASYNC220 (before anything is measured)
        pool = None
        try:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            with contextlib.suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, process.pid, -5)
            while not Path(address).exists():
                if process.poll() is not None:
                    raise SystemExit("the server did not start")
                await asyncio.sleep(0.02)
            hello = Hello(application="bench", process="load", instance="2")
            resolver = StaticResolver({"work": [parse_address(f"unix://{address}")]})
            pool = Pool(hello, resolver, random=system_random())
            yield client(Work, WireTransport(pool, "work", "work", policies)), psutil.Process(process.pid)
        finally:
            if pool is not None:
                await pool.close()
            process.kill()
            process.wait()


@dataclass(slots=True)
class Tally:
    """What became of calls. Times are in seconds since the beginning; those of the answered ones with the latency."""

    offered: list[float] = field(default_factory=list[float])
    done: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    refused: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    expired: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    late: list[float] = field(default_factory=list[float])
    """How much later than they were due calls were made, as the load generator could not keep up."""


Attempt = Callable[[int], Any]


async def offer(
    method: Attempt, rate: Callable[[float], float], seconds: float, *, attempts: int = 1, patience: float = PATIENCE
) -> Tally:
    """Make calls at that rate, which may change with time; each failing one ``attempts`` times, at once."""
    tally, chance, loop = Tally(), random.Random(7), asyncio.get_running_loop()
    start = perf_counter()
    calls: set[asyncio.Task[None]] = set()

    async def call(due: float) -> None:
        tally.late.append(perf_counter() - start - due)
        for attempt in range(attempts):
            last = attempt == attempts - 1
            try:
                async with deadline(patience):
                    await method(1)
            except errors.ResourceExhausted:
                if last:
                    tally.refused.append((perf_counter() - start, perf_counter() - start - due))
            except (errors.DeadlineExceeded, errors.Unavailable):
                if last:
                    tally.expired.append((perf_counter() - start, perf_counter() - start - due))
            else:
                tally.done.append((perf_counter() - start, perf_counter() - start - due))
                return

    due = 0.0
    while due < seconds:
        wait = due - (perf_counter() - start)
        if wait > 0:
            await asyncio.sleep(wait)
        tally.offered.append(due)
        task = loop.create_task(call(due))
        calls.add(task)
        task.add_done_callback(calls.discard)
        due += chance.expovariate(rate(due))
    if calls:
        await asyncio.wait(calls)
    return tally


async def capacity(method: Attempt, at_a_time: int, seconds: float, server: psutil.Process) -> tuple[float, float]:
    """Return the calls that are served in a second, and in a second of the server's processor time.

    As many are made at a time as use the whole server.
    """
    done, end, used = 0, perf_counter() + seconds, _used(server)

    async def caller() -> None:
        nonlocal done
        while perf_counter() < end:
            with contextlib.suppress(errors.ResourceExhausted):
                await method(1)
                done += 1

    began = perf_counter()
    await asyncio.gather(*(caller() for _ in range(at_a_time)))
    return done / (perf_counter() - began), done / max(0.01, _used(server) - used)


def _used(server: psutil.Process) -> float:
    """Return the seconds of processor time that a process has had."""
    times = server.cpu_times()
    return times.user + times.system


@dataclass(frozen=True, slots=True)
class Measured:
    """One load for one kind of work."""

    kind: str
    guard: str
    load: float
    capacity: float
    """Calls a second, measured right before."""
    goodput: float
    """Answered calls, as a share of the capacity."""
    thrift: float
    """Answered calls for each second of the server's processor time, as a share of the same at capacity."""
    busy: float
    """The share of a processor that the server had."""
    p50: float
    """Milliseconds of those that were answered."""
    p99: float
    refused: float
    """Share of the calls that were refused."""
    refusal: float
    """Milliseconds until a refusal, the median; as the caller sees it."""
    refusal99: float
    written: float
    """The same from when the server has read the request until it has written the refusal, of those refused at once."""
    written99: float
    waited: float
    """Share of the refused that had waited for a place."""
    waited50: float
    """Milliseconds from when the server has read the request until it has written the refusal, of those."""
    waited99: float
    expired: float
    """Share of the calls that had no answer in time."""
    late: float
    """Milliseconds by which the load generator was late, the 99th percentile."""


def _at(values: list[float], share: float) -> float:
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] * 1e3 if values else float("nan")


async def measure(kind: str, guard: str, load: float, seconds: float, core: int | None) -> Measured:
    """Measure one load on a fresh server."""
    async with serving(guard, core) as (work, server):
        method = getattr(work, kind)
        most, frugal = await capacity(method, KINDS[kind], 2.0, server)
        offered = asyncio.ensure_future(offer(method, lambda _: load * most, seconds + _WARM))
        await asyncio.sleep(_WARM)
        used = _used(server)
        await _told(work)
        await asyncio.sleep(seconds)
        used = _used(server) - used
        told = await _told(work)
        at_once, waited = told[:3], told[3:]
        tally = await offered
        done = [latency for when, latency in tally.done if _WARM <= when < seconds + _WARM]
        refused = [latency for when, latency in tally.refused if when >= _WARM]
        expired = [latency for when, latency in tally.expired if when >= _WARM]
        ended = max(1, len(done) + len(refused) + len(expired))
        return Measured(
            kind=kind,
            guard=guard,
            load=load,
            capacity=most,
            goodput=len(done) / seconds / most,
            thrift=len(done) / max(0.01, used) / frugal,
            busy=used / seconds,
            p50=_at(done, 0.5),
            p99=_at(done, 0.99),
            refused=len(refused) / ended,
            refusal=_at(refused, 0.5),
            refusal99=_at(refused, 0.99),
            written=at_once[1],
            written99=at_once[2],
            waited=waited[0] / max(1.0, at_once[0] + waited[0]),
            waited50=waited[1],
            waited99=waited[2],
            expired=len(expired) / ended,
            late=_at(tally.late, 0.99),
        )


async def _told(work: Work) -> tuple[float, ...]:
    """Return what the server tells of its refusals since the last time."""
    async for told in work.refusals():
        return told
    raise AssertionError("it tells each time")


@dataclass(frozen=True, slots=True)
class Storm:
    """A burst on top of a load that the server can bear, from callers that try again."""

    guard: str
    retries: str
    """Who calls: "naive", with 0.3 s, up to five times at once; or "framework", with a second and its defaults."""
    capacity: float
    offered: list[int]
    """Calls that were due, in each tenth of a second."""
    done: list[int]
    """Calls that were answered in time."""


async def storm(
    guard: str, retries: str, core: int | None, before: float = 4.0, burst: float = 3.0, after: float = 8.0
) -> Storm:
    """Try for a collapse that retries keep up: 0.7 of the capacity, five times it for a while, 0.7 again."""
    naive = retries == "naive"
    policies = Policies(CallPolicy(retry=Retry(attempts=1))) if naive else None
    async with serving(guard, core, policies) as (work, server):
        most, _ = await capacity(work.compute, KINDS["compute"], 2.0, server)

        def rate(now: float) -> float:
            return most * (5.0 if before <= now < before + burst else 0.7)

        seconds = before + burst + after
        attempts, patience = (5, 0.3) if naive else (1, PATIENCE)
        tally = await offer(work.compute, rate, seconds, attempts=attempts, patience=patience)
        done = [when for when, _ in tally.done]
        return Storm(guard, retries, most, _counted(tally.offered, seconds), _counted(done, seconds))


def _counted(times: list[float], seconds: float) -> list[int]:
    counts = [0] * int(seconds * 10)
    for when in times:
        if when < seconds:
            counts[int(when * 10)] += 1
    return counts


def recovery(storm: Storm, end: float = 7.0) -> float:
    """Return the seconds from the end of the burst until what is answered stays with what is offered."""
    for start in range(int(end * 10), len(storm.done) - 10):
        if sum(storm.done[start : start + 10]) >= 0.9 * sum(storm.offered[start : start + 10]):
            return start / 10 - end
    return float("inf")


def table(rows: list[Measured]) -> str:
    """Return the medians over the rounds as Markdown."""
    lines = [
        "| handler | limit | load | goodput | per CPU | CPU | p50 ms | p99 ms | p99 ÷ quiet "
        "| refused | refusal ms | p99 | at once ms | p99 | waited | ms | p99 | expired | late ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, guard in dict.fromkeys((row.kind, row.guard) for row in rows):
        quiet = None
        for load in LOADS:
            some = [asdict(row) for row in rows if (row.kind, row.guard, row.load) == (kind, guard, load)]
            if not some:
                continue
            it = {
                name: median(row[name] for row in some) for name in Measured.__slots__ if name not in ("kind", "guard")
            }
            quiet = quiet or it["p99"]
            lines.append(
                f"| {kind} | {guard} | {load:g}× | {it['goodput']:.0%} | {it['thrift']:.0%} | "
                f"{it['busy']:.0%} | {it['p50']:.1f} | {it['p99']:.1f} | "
                f"{it['p99'] / quiet:.1f} | {it['refused']:.0%} | {it['refusal']:.2f} | {it['refusal99']:.2f} | "
                f"{it['written']:.3f} | {it['written99']:.3f} | {it['waited']:.0%} | {it['waited50']:.2f} | "
                f"{it['waited99']:.2f} | {it['expired']:.0%} | "
                f"{it['late']:.1f} |"
            )
    return "\n".join(lines)


async def experiment(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything, in turns."""
    cores = sorted(os.sched_getaffinity(0))
    core = cores[-1] if len(cores) > 1 else None
    if core is not None:
        os.sched_setaffinity(0, {cores[0]})
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -5)
    gc.freeze()
    gc.disable()
    rows: list[Measured] = []
    storms: list[Storm] = []
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        for kind, guard, load in _cases(options):
            rows.append(await measure(kind, guard, load, options.seconds, core))
            print(rows[-1], file=sys.stderr)
            gc.collect()
        for retries in RETRIES if options.storm else ():
            for guard in options.guard:
                storms.append(await storm(guard, retries, core))
                over = recovery(storms[-1])
                print(f"storm, guard {guard}, {retries}: over {over:.1f} s after the burst", file=sys.stderr)
    return {"rows": [asdict(row) for row in rows], "storms": [asdict(it) for it in storms], "table": table(rows)}


def _cases(options: argparse.Namespace) -> Iterator[tuple[str, str, float]]:
    for kind in options.kind:
        for load in options.load:
            for guard in options.guard:
                yield kind, guard, load


def main() -> None:
    """Measure, print, and keep what was measured for the plots."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each load is measured")
    parser.add_argument("--kind", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--load", nargs="*", type=float, default=list(LOADS))
    parser.add_argument("--guard", nargs="*", default=["on", "off"])
    parser.add_argument("--storm", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--output", type=Path, help="write what was measured there, as JSON")
    parser.add_argument("--plots", action="store_true", help="draw those of the docs; needs the bench requirements")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve(options.serve, options.guard[0]))
        return
    found = uvloop.run(experiment(options))
    print(found["table"])
    if options.output:
        options.output.write_text(json.dumps(found))
    if options.plots:
        from .overload_plots import draw

        draw(found)


if __name__ == "__main__":
    main()
