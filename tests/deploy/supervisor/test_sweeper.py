"""Somebody clears up after a run that could not do it itself."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from freestone.deploy.supervisor import RunFile, RuntimeDirectory

_RUN = """
import sys
from pathlib import Path
from freestone.clock import SystemClock
from freestone.deploy.supervisor import *

file, directory = RunFile(Path(sys.argv[1]), "whole"), RuntimeDirectory.make()
sweeper = Sweeper(directory, file)
clock, own = SystemClock(), ProcessIdentity.own()
file.claim(RunRecord("academy", "whole", own, clock.now(), str(directory.path), ()))
listen_unix(directory.path / "app-0.sock")
print(directory.path, sweeper.pid, flush=True)
sys.stdin.readline()
sweeper.dismiss()
"""


@dataclass
class Swept:
    """A process with a run, and its sweeper."""

    process: subprocess.Popen[str]
    directory: Path
    file: Path
    sweeper: int
    pidfd: int

    def wait_for_the_sweeper(self) -> None:
        """Wait until it has ended."""
        ended, _, _ = select.select([self.pidfd], [], [], 30)
        assert ended, "the sweeper goes on"


@pytest.fixture
def swept(tmp_path: Path) -> Iterator[Swept]:
    """Start a process with a run; it ends with the test."""
    with subprocess.Popen(
        [sys.executable, "-c", _RUN, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        directory, sweeper = _line(process.stdout).split()
        pidfd = os.pidfd_open(int(sweeper))
        try:
            yield Swept(process, Path(directory), RunFile(tmp_path, "whole").path, int(sweeper), pidfd)
        finally:
            process.kill()
            os.close(pidfd)
            RuntimeDirectory(Path(directory)).remove()


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    line = stream.readline()
    assert line, "it has ended"
    return line


def test_a_run_that_was_killed_leaves_nothing(swept: Swept) -> None:
    """Neither its sockets nor its file, though it is all of the run."""
    assert [path.name for path in swept.directory.iterdir()] == ["app-0.sock"]
    assert swept.file.exists()
    swept.process.kill()
    swept.wait_for_the_sweeper()
    assert not swept.directory.exists()
    assert not swept.file.exists()


def test_a_kill_of_the_whole_group_is_not_for_the_sweeper(swept: Swept) -> None:
    """It is in a session of its own, as a terminal's Ctrl-C is not for it either."""
    assert os.getsid(swept.sweeper) == swept.sweeper
    assert os.getsid(swept.process.pid) != swept.sweeper


def test_a_sweeper_that_is_dismissed_touches_nothing(swept: Swept) -> None:
    """The run clears up itself, or leaves what it was told to leave."""
    swept.process.communicate("\n", timeout=30)
    swept.wait_for_the_sweeper()
    assert swept.process.returncode == 0
    assert swept.directory.exists()
    assert swept.file.exists()


def test_a_sweeper_that_was_killed_is_no_hindrance(swept: Swept) -> None:
    """The run ends as it would have."""
    os.kill(swept.sweeper, signal.SIGKILL)
    swept.wait_for_the_sweeper()
    swept.process.communicate("\n", timeout=30)
    assert swept.process.returncode == 0


def test_children_that_still_use_the_directory_are_waited_for(swept: Swept) -> None:
    """What they drain with stays until they are gone."""
    other = RuntimeDirectory(swept.directory)
    other.hold()
    swept.process.kill()
    swept.process.wait(30)
    ended, _, _ = select.select([swept.pidfd], [], [], 0.5)
    assert not ended
    assert (swept.directory / "app-0.sock").exists()
    other.leave()
    swept.wait_for_the_sweeper()
    assert not swept.directory.exists()


def test_the_file_of_the_next_run_stays(swept: Swept) -> None:
    """The next run may have begun before the sweeper did."""
    record = swept.file.read_text("utf-8").replace(str(swept.directory), str(swept.directory) + "-next")
    swept.file.write_text(record, "utf-8")
    swept.process.kill()
    swept.wait_for_the_sweeper()
    assert not swept.directory.exists()
    assert swept.file.read_text("utf-8") == record
