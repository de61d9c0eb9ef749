"""``freestone run --faults FILE``: an application on a bad day."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Start, Words

_REFUSED = """
[faults.refused]
edge = "clerk -> desk.tally"
refuse = true
"""


@pytest.mark.parametrize("topology", ["whole", "cut"])
def test_a_run_has_faults_on_its_edges(start: Start, freestone: Words, desk: Path, topology: str) -> None:
    """In one process and in many. The seed is printed, and what was taken is told at the end."""
    (desk / "bad-day.toml").write_text(_REFUSED, "utf-8")
    running = start(desk, topology, "--faults", "bad-day.toml", "--faults-seed", "7")
    running.until_said(f"desk runs as {topology}")
    running.until_said(f"injecting the faults of {desk / 'bad-day.toml'}; --faults-seed 7 repeats them")
    shown = freestone("call", "clerk.sums", "numbers=[1, 2]", cwd=desk)
    assert shown.returncode == 1
    assert "desk.tally was not called: the fault refused was injected" in shown.stderr
    assert freestone("call", "desk.put", "thing=pen", cwd=desk).returncode == 0
    running.process.send_signal(signal.SIGTERM)
    assert running.ended() == 0
    running.until_said("the fault refused was taken 1 times on clerk -> desk.tally")


def test_a_process_that_is_served_by_hand_has_them_too(start: Start, desk: Path) -> None:
    """A seed is chosen where none is named, and printed."""
    (desk / "bad-day.toml").write_text(_REFUSED, "utf-8")
    running = start(desk, "clerk", "--topology", "cut", "--faults", "bad-day.toml", command="serve")
    assert running.until_said("--faults-seed ").split("--faults-seed ")[1].split()[0].isdecimal()
    running.until_said("clerk serves on")


def test_mistakes_in_the_faults_are_told_before_anything_is_started(freestone: Words, desk: Path) -> None:
    """All of them, each with its line."""
    (desk / "bad-day.toml").write_text(_REFUSED.replace("tally", "taly") + "colour = 1\n", "utf-8")
    shown = freestone("run", "cut", "--faults", "bad-day.toml", cwd=desk)
    assert shown.returncode == 78
    assert f'{desk / "bad-day.toml"}:3: faults.refused.edge: Desk has no method "taly"' in shown.stderr
    assert f"{desk / 'bad-day.toml'}:5: faults.refused.colour: there is no such key" in shown.stderr
    assert not (desk / ".freestone" / "run").exists()


def test_a_seed_needs_a_file(freestone: Words, desk: Path) -> None:
    """The command line is wrong then."""
    shown = freestone("run", "--faults-seed", "7", cwd=desk)
    assert shown.returncode == 2
    assert "--faults-seed repeats the faults of a file; name it with --faults" in shown.stderr


def test_a_file_that_is_not_there_is_named(freestone: Words, desk: Path) -> None:
    """With its whole path."""
    shown = freestone("run", "--faults", "none.toml", cwd=desk)
    assert shown.returncode == 78
    assert f"{desk / 'none.toml'}: none.toml: it can't be read: No such file or directory" in shown.stderr
