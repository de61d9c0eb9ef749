"""``freestone ps`` against what runs."""

from __future__ import annotations

import json
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from freestone.cli.ps import shown_age

if TYPE_CHECKING:
    from .conftest import Running, Words


def test_every_replica_has_a_line(running_desk: Running, freestone: Words) -> None:
    """With its pid, its address and what it holds, not cut off where the output is no terminal."""
    title, headings, *lines = freestone("ps", cwd=running_desk.directory).stdout.splitlines()
    assert title == "desk runs as cut"
    assert headings.split() == [
        "PROCESS", "REPLICA", "SERVICES", "PID", "ADDRESS", "SINCE", "RESTARTS", "MEMORY", "STATE",
    ]  # fmt: skip
    cells = [line.split() for line in lines]
    assert [row[:3] for row in cells] == [["clerk", "0", "clerk"], ["desk", "0", "desk"], ["desk", "1", "desk"]]
    assert [int(row[3]) for row in cells] == list(running_desk.pids().values())
    assert [row[4] for row in cells] == [
        f"unix://{running_desk.sockets()}/{name}.sock" for name in ("clerk-0", "desk-0", "desk-1")
    ]
    assert all(line.endswith("MiB  running") for line in lines)


def test_programs_read_json(running_desk: Running, freestone: Words) -> None:
    """What people see, with numbers as numbers."""
    [run] = json.loads(freestone("ps", "--json", cwd=running_desk.directory).stdout)
    assert (run["application"], run["topology"], run["gateway"]) == ("desk", "cut", None)
    clerk = run["replicas"][0]
    assert clerk["process"] == "clerk"
    assert clerk["restarts"] == 0
    assert clerk["memory"] > 10_000_000
    assert clerk["services"] == ["clerk"]


def test_a_process_that_says_nothing_is_marked(running_desk: Running, freestone: Words) -> None:
    """It runs for its supervisor; whoever asks it itself gets no answer."""
    silent = running_desk.pids()["desk.1"]
    os.kill(silent, signal.SIGSTOP)
    try:
        lines = freestone("ps", cwd=running_desk.directory).stdout.splitlines()
    finally:
        os.kill(silent, signal.SIGCONT)
    assert lines[-1].endswith("not answering")
    assert lines[-2].endswith("running")


def test_nothing_runs_is_a_sentence(freestone: Words, desk: Path) -> None:
    """And an empty list for programs."""
    assert freestone("ps", cwd=desk).stdout == "desk does not run here; start it with `freestone run`\n"
    assert json.loads(freestone("ps", "--json", cwd=desk).stdout) == []


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (timedelta(seconds=-1), "0s ago"),
        (timedelta(seconds=59), "59s ago"),
        (timedelta(minutes=59, seconds=59), "59m ago"),
        (timedelta(hours=23), "23h ago"),
        (timedelta(days=400), "400d ago"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(age: timedelta, shown: str) -> None:
    """Nobody needs the seconds of something that runs for days."""
    assert shown_age(age) == shown
