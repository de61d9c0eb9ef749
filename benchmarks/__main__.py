"""``make bench``: every table, interleaved in one run; the last run is kept in results.md."""

from __future__ import annotations

import argparse
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from . import between, colocated, footprint


def main() -> None:
    """Measure, print, and write results.md."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--rounds", type=int, default=5, help="how often each is measured, in turns")
    options.add_argument("--seconds", type=float, default=1.0, help="about how long each measurement takes")
    options.add_argument("--keep", action="store_true", help="write results.md")
    chosen = options.parse_args()
    sizes = footprint.small(chosen.rounds) | footprint.academy(min(chosen.rounds, 3))
    calls = uvloop.run(between.compare(chosen.rounds, chosen.seconds))
    parts = [
        "## A call between two processes",
        between.table(calls),
        "## A call within one process",
        colocated.table(uvloop.run(colocated.compare(chosen.rounds))),
        "## Start and memory",
        footprint.table(sizes),
    ]
    machine = (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.python_implementation()} {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores; "
        f"medians of {chosen.rounds} interleaved rounds of about {chosen.seconds:g} s each."
    )
    text = "\n\n".join(["# Results", machine, *parts]) + "\n"
    print(text)
    if chosen.keep:
        (Path(__file__).parent / "results.md").write_text(text)


if __name__ == "__main__":
    main()
