"""Start time and memory: a small service against FastAPI on uvicorn, and Academy in each topology."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil

from .between import serving
from .peers import FASTAPI, FREESTONE, GRPC

ACADEMY = Path(__file__).parent.parent / "examples" / "academy"


def small(rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return (seconds until it listens, MB of its own memory) for each of the small servers and rounds."""
    results: dict[str, list[tuple[float, float]]] = {}
    for number in range(-1, rounds):  # one more, before the others, that compiles what was not
        for peer in (FREESTONE, FASTAPI, GRPC):
            with TemporaryDirectory(prefix="fsb-") as directory:
                began = time.perf_counter()
                with serving(peer, f"{directory}/{number}.sock", None) as server:
                    seconds = time.perf_counter() - began
                    if number >= 0:
                        results.setdefault(peer.name, []).append((seconds, server.memory_full_info().uss / 1e6))
    return results


def academy(rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return (seconds until the first page is served, MB of all its processes) for each topology and round."""
    results: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for topology in ("monolith", "split"):
            results.setdefault(f"Academy, {topology}", []).append(_start_academy(topology))
    return results


def _start_academy(topology: str) -> tuple[float, float]:
    with TemporaryDirectory(prefix="fsb-") as home:
        command = [sys.executable, "-m", "freestone.cli", "run", topology, "--file", str(ACADEMY)]
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0"],
            env={**os.environ, "FREESTONE_HOME": home},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            address = _printed_address(process)
            with urllib.request.urlopen(address, timeout=30) as answer:
                answer.read()
            seconds = time.perf_counter() - began
            parent = psutil.Process(process.pid)
            family = [parent, *parent.children(recursive=True)]
            return seconds, sum(it.memory_full_info().uss for it in family) / 1e6
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def _printed_address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"http://[\w.:]+", line)
        if found:
            return found.group()
    raise SystemExit("Academy printed no address")


def table(results: dict[str, list[tuple[float, float]]]) -> str:
    """Return the medians as a Markdown table."""
    lines = ["| | start, s | memory of its own, MB |", "|---|---|---|"]
    lines += [
        f"| {name} | {median(it[0] for it in values):.2f} | {median(it[1] for it in values):.1f} |"
        for name, values in results.items()
    ]
    return "\n".join(lines)
