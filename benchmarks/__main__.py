"""``make bench``: the table of goals, and the figures that it comes from, interleaved in one run."""

from __future__ import annotations

import argparse
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from . import between, colocated, commands, events, footprint, goals


def main() -> None:
    """Measure, print, and write results.md."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--rounds", type=int, default=5, help="how often each is measured, in turns")
    options.add_argument("--seconds", type=float, default=0.6, help="about how long each measurement takes")
    options.add_argument("--output", type=Path, default=Path(__file__).parent / "results.md", help="where to write")
    chosen = options.parse_args()
    sizes = footprint.small(chosen.rounds) | footprint.academy(min(chosen.rounds, 3))
    near = uvloop.run(colocated.compare(chosen.rounds * 3))
    written = uvloop.run(commands.compare(chosen.rounds, chosen.seconds))
    carried = uvloop.run(events.compare(chosen.rounds))
    calls = uvloop.run(between.compare(chosen.rounds, chosen.seconds))
    parts = [
        "## Goals",
        goals.table(goals.goals(calls, near, sizes, written, carried)),
        "## Calls between two processes",
        between.table(calls),
        "## A call within one process",
        colocated.table(near),
        "## Commands that write and announce",
        commands.table(written),
        "## Events from commit to handler",
        events.table(carried),
        "## Start and memory",
        footprint.table(sizes),
    ]
    text = "\n\n".join(["# Results", _machine(chosen.rounds, chosen.seconds), *parts]) + "\n"
    print(text)
    chosen.output.write_text(text)


def _machine(rounds: int, seconds: float) -> str:
    load = " ".join(f"{it:.1f}" for it in os.getloadavg())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}, uvloop "
        f"{uvloop.__version__}; load at the end {load}. Medians of {rounds} interleaved rounds of about {seconds:g} s "
        "each; a ratio is the median of the ratios within a round."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "an unknown processor"


if __name__ == "__main__":
    main()
