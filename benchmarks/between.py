"""Calls between two processes, against the peers: the server on one core, the client on another."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import psutil

from .load import Round, measure
from .peers import ECHO, GRPC, PEERS, Call, Peer

KINDS: Final = {"small": (1, 32, 256), "large": (32,), "later": (32,)}
"""The calls, and how many of each are under way at a time."""
Key = tuple[str, str, int]
"""Peer, kind of call, calls at a time."""
Results = dict[Key, list[Round]]


@dataclass(frozen=True, slots=True)
class Lane:
    """One peer, one kind of call, so many of them at a time."""

    key: Key
    call: Call
    server: psutil.Process
    requests: int
    """So many that a round takes the time that was asked for."""


@contextlib.contextmanager
def serving(peer: Peer, address: str, core: int | None) -> Iterator[psutil.Process]:
    """Run the peer's server in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.serve", peer.module, address, *([] if core is None else [str(core)])]
    # A machine that keeps no compiled modules would measure the compiler, of this project alone: wheels come compiled.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, env=environment)
    server = psutil.Process(process.pid)
    try:
        _wait_until_it_listens(address, process)
        yield server
    finally:
        for it in [server, *server.children(recursive=True)]:
            it.kill()
        process.wait()


def _wait_until_it_listens(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while not Path(address).exists():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"the server at {address} did not start")
        time.sleep(0.002)


async def compare(rounds: int, seconds: float) -> Results:
    """Measure every lane ``rounds`` times, one after the other in each round."""
    cores = sorted(os.sched_getaffinity(0))
    apart = len(cores) > 1
    results: Results = {}
    with contextlib.ExitStack() as servers, TemporaryDirectory(prefix="fsb-") as directory:
        async with contextlib.AsyncExitStack() as clients:
            if apart:
                os.sched_setaffinity(0, {cores[0]})
            lanes: list[Lane] = []
            for number, peer in enumerate(PEERS):
                address = f"{directory}/{number}.sock"
                server = servers.enter_context(serving(peer, address, cores[-1] if apart else None))
                calls = await clients.enter_async_context(importlib.import_module(peer.module).connect(address))
                for kind, levels in KINDS.items():
                    call = getattr(calls, kind)
                    if call is None or (peer.only and kind not in peer.only):
                        continue
                    lanes += [await _lane(peer, kind, level, call, server, seconds) for level in levels]
            # All clients are in this process; what each has set up is nothing for the collector to look at again.
            gc.collect()
            gc.freeze()
            for number in range(rounds):
                print(f"round {number + 1} of {rounds} …", file=sys.stderr)
                for lane in sorted(lanes, key=lambda it: it.key[1:]):
                    measured = await measure(lane.call, lane.key[2], lane.requests, lane.server)
                    results.setdefault(lane.key, []).append(measured)
    os.sched_setaffinity(0, set(cores))
    return results


async def _lane(peer: Peer, kind: str, level: int, call: Call, server: psutil.Process, seconds: float) -> Lane:
    """Warm up, and find how many requests take about that many seconds."""
    trial = await measure(call, level, min(peer.most, max(50, level)), server)
    trial = await measure(call, level, max(level, min(peer.most, int(trial.per_second * seconds / 8))), server)
    requests = max(2 * level, min(peer.most, int(trial.per_second * seconds)))
    return Lane((peer.name, kind, level), call, server, requests)


def ratios(results: Results, over: Key, under: Key, value: Callable[[Round], float]) -> list[float]:
    """Return, for each round, the one's value divided by the other's."""
    return [value(a) / value(b) for a, b in zip(results[over], results[under], strict=True)]


def table(results: Results) -> str:
    """Return the medians as a Markdown table, each rate beside its ratio to two others in the same rounds."""
    lines = [
        "| call between two processes | at | p50 µs | p99 µs | a second | × grpc.aio | × raw echo "
        "| CPU µs, server + client |",
        "|---|---|---|---|---|---|---|---|",
    ]
    order = {peer.name: place for place, peer in enumerate(PEERS)}
    kinds = list(KINDS)
    for key in sorted(results, key=lambda key: (kinds.index(key[1]), key[2], order[key[0]])):
        name, kind, level = key
        values = {field: median(getattr(it, field) for it in results[key]) for field in Round.__slots__}
        beside = []
        for other in (GRPC, ECHO):
            reference = (other.name, kind, level)
            known = reference in results
            beside.append(f"{median(ratios(results, key, reference, lambda it: it.per_second)):.2f}" if known else "")
        lines.append(
            f"| {name}, {kind} | {level} | {values['p50']:,.0f} | {values['p99']:,.0f} | "
            f"{values['per_second']:,.0f} | {beside[0]} | {beside[1]} | "
            f"{values['server']:.1f} + {values['client']:.1f} |"
        )
    return "\n".join(lines)
