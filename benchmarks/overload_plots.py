"""The plots of ``docs/overload.md``, from the file that ``benchmarks.overload --output`` has written."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

IMAGES = Path(__file__).parent.parent / "docs" / "images"
_COLOURS = {"on": "#1f6f8b", "off": "#c8553d"}
_CALLERS = {"naive": "five times, at once", "framework": "the framework's own retries"}
_NAMES = {"on": "with the limit", "off": "without"}


def draw(found: dict[str, Any], images: Path = IMAGES) -> None:
    """Write the two images."""
    plt.rcParams.update({"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": "freestone"})
    _loads(found["rows"], images / "overload-loads.svg")
    _storm(found["storms"], images / "overload-storm.svg")


def _loads(rows: list[dict[str, Any]], path: Path) -> None:
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    figure, axes = plt.subplots(2, len(kinds), figsize=(8, 4.4), sharex=True, squeeze=False)
    for column, kind in enumerate(kinds):
        for guard, colour in _COLOURS.items():
            loads = sorted({row["load"] for row in rows if (row["kind"], row["guard"]) == (kind, guard)})
            these = [row for row in rows if (row["kind"], row["guard"]) == (kind, guard)]
            some = [[row for row in these if row["load"] == load] for load in loads]
            # Where the processor is not what is scarce, its time says nothing.
            done = [median(row["goodput" if kind == "share" else "thrift"] for row in it) * 100 for it in some]
            late = [median(row["p99"] for row in it) for it in some]
            axes[0][column].plot(loads, done, "o-", color=colour, label=_NAMES[guard])
            axes[1][column].plot(loads, late, "o-", color=colour)
        axes[0][column].set(title=kind if kind != "share" else "share (calls a second)", ylim=(0, 125))
        axes[1][column].set(xlabel="offered ÷ capacity", xscale="log", yscale="log")
        axes[1][column].set_xticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"], minor=False)
        axes[1][column].minorticks_off()
    axes[0][0].set_ylabel("answers a CPU second,\n% of those at capacity")
    axes[1][0].set_ylabel("p99 of the answers, ms")
    axes[0][0].legend(frameon=False)
    _save(figure, path)


def _storm(storms: list[dict[str, Any]], path: Path) -> None:
    figure, axes = plt.subplots(1, len(_CALLERS), figsize=(8, 2.8), sharey=True)
    for axis, (retries, title) in zip(axes, _CALLERS.items(), strict=True):
        for guard, colour in _COLOURS.items():
            some = [storm for storm in storms if (storm["guard"], storm["retries"]) == (guard, retries)]
            if not some:
                continue
            shares = [
                median(sum(storm["done"][at : at + 5]) * 2 / storm["capacity"] * 100 for storm in some)
                for at in range(0, len(some[0]["done"]) - 4, 5)
            ]
            axis.plot([at / 2 for at in range(len(shares))], shares, color=colour, label=_NAMES[guard])
        axis.axvspan(4, 7, color="#00000012", lw=0)
        axis.text(4.1, 5, "burst", color="#555555")
        axis.axhline(70, color="#888888", lw=0.8, ls=":")
        axis.set(title=title, xlabel="seconds")
    axes[0].set_ylim(bottom=0)  # of both, and when all is drawn: their scale is one
    axes[0].set_ylabel("answered in time,\n% of capacity")
    axes[0].legend(frameon=False)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    print(path)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()))
