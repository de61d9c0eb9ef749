"""The file that says what runs here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from freestone.deploy.supervisor import (
    ProcessIdentity,
    ReplicaRecord,
    RunFile,
    RunRecord,
    RuntimeDirectory,
    resident_bytes,
    running,
)
from freestone.deploy.supervisor.identity import _began
from freestone.errors import ConfigurationError

SINCE = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
CATALOG = ReplicaRecord(
    process="catalog",
    replica=1,
    services=("catalog",),
    address="unix:///run/freestone-x/catalog.1.sock",
    state="running",
    pid=17,
    since=SINCE,
    restarts=2,
)


def record(supervisor: ProcessIdentity, directory: str = "/nowhere", topology: str = "split") -> RunRecord:
    return RunRecord("academy", topology, supervisor, SINCE, directory, (CATALOG,), "http://127.0.0.1:8000")


def dead() -> ProcessIdentity:
    """Return the identity of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        return ProcessIdentity(pid=process.pid, began=ProcessIdentity.own().began)


def test_what_is_claimed_is_what_runs(tmp_path: Path) -> None:
    """Others read what was written; people can, too."""
    ours = record(ProcessIdentity.own())
    file = RunFile(tmp_path, "split")
    file.claim(ours)
    assert running(tmp_path) == [ours]
    assert json.loads(file.path.read_text("utf-8"))["replicas"][0]["process"] == "catalog"
    assert file.path == tmp_path / "run" / "split.json"


def test_a_topology_that_runs_is_not_run_again(tmp_path: Path) -> None:
    """The sentence says since when, as which process, and what to do."""
    own = ProcessIdentity.own()
    RunFile(tmp_path, "split").claim(record(own))
    with pytest.raises(ConfigurationError) as raised:
        RunFile(tmp_path, "split").claim(record(own))
    assert str(raised.value) == (
        f"topology 'split': it runs here already, since 2030-01-02 03:04 UTC as process {own.pid}; "
        "stop that run first, or look at it with `freestone ps`"
    )


def test_another_topology_may_run_beside_it(tmp_path: Path) -> None:
    """Each has a file of its own."""
    own = ProcessIdentity.own()
    RunFile(tmp_path, "split").claim(record(own))
    RunFile(tmp_path, "monolith").claim(record(own, topology="monolith"))
    assert [each.topology for each in running(tmp_path)] == ["monolith", "split"]


@pytest.mark.parametrize("topology", ["split", "monolith"])
def test_a_stale_file_counts_for_nothing_and_is_cleared_up(tmp_path: Path, topology: str) -> None:
    """Its supervisor is gone; the next run, of whatever topology, removes it and the sockets that were left."""
    left = RuntimeDirectory.make()
    stale = RunFile(tmp_path, topology)
    stale.claim(record(dead(), str(left.path), topology))
    assert running(tmp_path) == []
    ours = record(ProcessIdentity.own())
    RunFile(tmp_path, "split").claim(ours)
    assert running(tmp_path) == [ours]
    assert [path.name for path in stale.path.parent.iterdir()] == ["split.json"]
    assert not left.path.exists()


def test_a_file_that_cannot_be_read_counts_for_nothing(tmp_path: Path) -> None:
    """Another version of Freestone may have written it."""
    file = RunFile(tmp_path, "split")
    file.claim(record(ProcessIdentity.own()))
    file.path.write_text('{"application": 3}', "utf-8")
    assert running(tmp_path) == []


def test_only_the_own_file_is_removed(tmp_path: Path) -> None:
    """The last child of a run that was killed leaves alone the run after it."""
    file = RunFile(tmp_path, "split")
    file.claim(record(ProcessIdentity.own(), "/ours"))
    file.remove(Path("/theirs"))
    assert file.path.exists()
    file.remove(Path("/ours"))
    assert not file.path.exists()
    file.remove(Path("/ours"))


def test_nothing_runs_where_nothing_ever_ran(tmp_path: Path) -> None:
    """A directory without run files is no error."""
    assert running(tmp_path) == []
    RunFile(tmp_path, "split").remove(Path("/ours"))


def test_a_pid_that_is_used_again_is_another_process() -> None:
    """The moment at which it began tells them apart."""
    own = ProcessIdentity.own()
    assert own.alive()
    assert not ProcessIdentity(pid=own.pid, began="another boot/1").alive()
    assert not dead().alive()


def test_a_zombie_does_not_live() -> None:
    """It has ended, though nobody has asked how."""
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()  # until it has closed everything
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert _began(process.pid) is None


def test_the_memory_of_a_process_is_known() -> None:
    """In bytes; of a process that is gone, it is not."""
    own = resident_bytes(ProcessIdentity.own().pid)
    assert own is not None
    assert own > 1_000_000
    assert resident_bytes(dead().pid) is None
