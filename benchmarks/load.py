"""Load: so many callers that each call again and again, and what it cost on both sides."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from .peers import Call


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured."""

    per_second: float
    p50: float
    """Microseconds from call to answer, the median."""
    p99: float
    server: float
    """CPU microseconds a request."""
    client: float


async def measure(call: Call, concurrency: int, requests: int, server: psutil.Process) -> Round:
    """Make that many requests, with ``concurrency`` of them under way at any time."""
    latencies: list[float] = []
    left = requests

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            began = time.perf_counter()
            await call()
            latencies.append(time.perf_counter() - began)

    server_before, client_before, began = _cpu(server), time.process_time(), time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(concurrency)))
    seconds = time.perf_counter() - began
    client = time.process_time() - client_before
    latencies.sort()
    return Round(
        per_second=requests / seconds,
        p50=latencies[len(latencies) // 2] * 1e6,
        p99=latencies[min(len(latencies) * 99 // 100, len(latencies) - 1)] * 1e6,
        server=(_cpu(server) - server_before) / requests * 1e6,
        client=client / requests * 1e6,
    )


def _cpu(process: psutil.Process) -> float:
    """Return the CPU seconds of a server, those of the broker that it has started included."""
    return sum(_seconds(it) for it in [process, *process.children(recursive=True)])


def _seconds(process: psutil.Process) -> float:
    """Ask the scheduler, which counts nanoseconds; the times of a process are counted in ticks of 10 ms."""
    try:
        threads = list(Path(f"/proc/{process.pid}/task").glob("*/schedstat"))
        counted = sum(int(it.read_text().split()[0]) for it in threads) / 1e9
    except (OSError, ValueError, IndexError):
        counted = 0.0
    times = process.cpu_times()
    return counted or times.user + times.system
