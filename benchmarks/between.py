"""A call between two processes, against the peers: the server on one core, the client on another."""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil

from .load import Round, measure
from .peers import PEERS, Call, Peer

LEVELS = (1, 32, 256)
Results = dict[tuple[str, int], list[Round]]


@contextlib.contextmanager
def serving(peer: Peer, address: str, core: int | None) -> Iterator[psutil.Process]:
    """Run the peer's server in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.between", peer.module, address]
    process = subprocess.Popen(command)
    try:
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        _wait_until_it_listens(address, process)
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def _wait_until_it_listens(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while not Path(address).exists():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"the server at {address} did not start")
        time.sleep(0.02)


async def compare(rounds: int, seconds: float) -> Results:
    """Measure every peer at every level, ``rounds`` times, one after the other in each round."""
    cores = sorted(os.sched_getaffinity(0))
    results: Results = {}
    with contextlib.ExitStack() as servers, TemporaryDirectory(prefix="fsb-") as directory:
        async with contextlib.AsyncExitStack() as clients:
            ready: list[tuple[Peer, Call, psutil.Process, dict[int, int]]] = []
            for number, peer in enumerate(PEERS):
                address = f"{directory}/{number}.sock"
                server = servers.enter_context(serving(peer, address, cores[-1] if len(cores) > 1 else None))
                call = await clients.enter_async_context(importlib.import_module(peer.module).connect(address))
                ready.append((peer, call, server, await _amounts(peer, call, server, seconds)))
            if len(cores) > 1:
                os.sched_setaffinity(0, {cores[0]})
            for number in range(rounds):
                print(f"round {number + 1} of {rounds} …", file=sys.stderr)
                for level in LEVELS:
                    for peer, call, server, amounts in ready:
                        measured = await measure(call, level, amounts[level], server)
                        results.setdefault((peer.name, level), []).append(measured)
    os.sched_setaffinity(0, set(cores))
    return results


async def _amounts(peer: Peer, call: Call, server: psutil.Process, seconds: float) -> dict[int, int]:
    """Warm up, and find how many requests take about that many seconds at each level."""
    amounts: dict[int, int] = {}
    for level in LEVELS:
        trial = await measure(call, level, max(50, level), server)
        trial = await measure(call, level, max(level, int(trial.per_second * seconds / 8)), server)
        amounts[level] = max(2 * level, min(peer.most, int(trial.per_second * seconds)))
    return amounts


def table(results: Results) -> str:
    """Return the medians as a Markdown table, each peer's rate beside its ratio to grpc.aio in the same rounds."""
    lines = [
        "| call between two processes | at | p50 µs | p99 µs | a second | × grpc.aio | × raw echo "
        "| CPU µs, server + client |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for level in LEVELS:
        for peer in PEERS:
            rounds = results[peer.name, level]
            ratios = [
                median(it.per_second / other.per_second for it, other in zip(rounds, results[name, level], strict=True))
                for name in ("grpc.aio", "raw echo on uvloop")
            ]
            values = {field: median(getattr(it, field) for it in rounds) for field in Round.__slots__}
            lines.append(
                f"| {peer.name} | {level} | {values['p50']:,.0f} | {values['p99']:,.0f} | "
                f"{values['per_second']:,.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} | "
                f"{values['server']:.1f} + {values['client']:.1f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    import uvloop

    uvloop.run(importlib.import_module(sys.argv[1]).serve(sys.argv[2]))
