"""``freestone run`` with real processes, which are really killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Start, Words

PROGRAM = (sys.executable, "-P", "-m", "freestone.cli")

_START = """
    async def start(self):
        {}
"""


def spoil(desk: Path, statement: str) -> None:
    """Make the clerk fail when it is started."""
    with (desk / "desk" / "service.py").open("a", encoding="utf-8") as file:
        file.write(_START.format(statement))


def pondering(desk: Path, until: Path) -> subprocess.Popen[bytes]:
    """Make a call that goes on until there is such a file."""
    words = ("call", "desk.ponder", f"until={until}", "--deadline", "60")
    return subprocess.Popen([*PROGRAM, *words], cwd=desk, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("topology", ["monolith", "split"])
def test_a_new_application_runs(start: Start, freestone: Words, shop: Path, topology: str) -> None:
    """It says where its gateway is; SIGTERM drains it, with status 0; its sockets and its file are gone."""
    running = start(shop, topology)
    line = running.until_said(f"shop runs as {topology}: ")
    sockets = running.sockets()
    shown = freestone("call", "greeter.greet", "name=Ada", cwd=shop)
    assert json.loads(shown.stdout) == {"text": "Welcome, Ada!"}
    with urllib.request.urlopen(line.rpartition(" ")[2] + "/guests/Ada", timeout=10) as answer:
        assert json.load(answer) == {"name": "Ada", "visits": 1}
    running.process.send_signal(signal.SIGTERM)
    assert running.ended() == 0
    assert not sockets.exists()
    assert not running.file.exists()


def test_one_process_needs_no_supervisor(start: Start, desk: Path) -> None:
    """It runs in the very process that was started."""
    running = start(desk, "whole")
    running.until_said("desk runs as whole")
    assert running.pids() == {"all.0": running.process.pid}


@pytest.mark.parametrize(
    ("number", "said"), [(signal.SIGKILL, "was killed by SIGKILL"), (signal.SIGTERM, "exited with status 0")]
)
def test_a_process_that_ends_is_started_again(
    start: Start, freestone: Words, desk: Path, number: signal.Signals, said: str
) -> None:
    """However it ended. Calls that come meanwhile wait in the backlog of its socket; the others go on.

    Its restarts are counted.
    """
    running = start(desk, "cut")
    running.until_said("desk runs as cut")
    before = running.pids()
    os.kill(before["clerk.0"], number)
    running.until_said(f"clerk.0 {said}; it is started again at once")
    assert freestone("call", "clerk.sums", "numbers=[1, 2]", cwd=desk).stdout == "3\n"
    after = running.pids()
    assert after["clerk.0"] != before["clerk.0"]
    assert after["desk.0"] == before["desk.0"]
    assert running.record()["replicas"][0]["restarts"] == 1


@pytest.mark.parametrize("topology", ["whole", "cut"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_drains(start: Start, desk: Path, topology: str, number: signal.Signals) -> None:
    """Ctrl-C, a service manager, or a terminal that is closed: the status is 0, and nothing is left."""
    running = start(desk, topology)
    running.until_said(f"desk runs as {topology}")
    sockets = running.sockets()
    running.process.send_signal(number)
    assert running.ended() == 0
    assert not sockets.exists()
    assert not running.file.exists()


@pytest.mark.parametrize("topology", ["whole", "cut"])
def test_a_second_signal_kills(start: Start, desk: Path, topology: str) -> None:
    """Whoever is impatient does not wait for calls in flight; the status is that of the signal."""
    running = start(desk, topology)
    running.until_said(f"desk runs as {topology}")
    sockets = running.sockets()
    with pondering(desk, desk / "never") as call:
        running.until_said("pondering")
        running.process.send_signal(signal.SIGINT)
        running.until_said("draining")
        assert running.process.poll() is None
        running.process.send_signal(signal.SIGINT)
        assert running.ended() == 130
        assert call.wait(30) == 1
    assert not sockets.exists()
    assert not running.file.exists()


@pytest.mark.parametrize("topology", ["whole", "cut"])
def test_a_call_in_flight_finishes(start: Start, desk: Path, topology: str) -> None:
    """Draining waits for it."""
    running = start(desk, topology)
    running.until_said(f"desk runs as {topology}")
    with pondering(desk, desk / "enough") as call:
        running.until_said("pondering")
        running.process.send_signal(signal.SIGTERM)
        running.until_said("draining")
        (desk / "enough").touch()
        assert call.wait(30) == 0
    assert running.ended() == 0


def test_a_call_that_does_not_finish_is_not_waited_for_longer_than_was_said(start: Start, desk: Path) -> None:
    """Its caller hears of it."""
    running = start(desk, "whole", "--drain", "0.1")
    running.until_said("desk runs as whole")
    with pondering(desk, desk / "never") as call:
        running.until_said("pondering")
        running.process.send_signal(signal.SIGTERM)
        assert call.wait(30) == 1
    assert running.ended() == 0


@pytest.mark.parametrize("topology", ["whole", "cut"])
def test_a_killed_run_leaves_nothing(start: Start, desk: Path, topology: str) -> None:
    """No process in bounded time, no socket and no file, though one process may have been all of it."""
    running = start(desk, topology)
    running.until_said(f"desk runs as {topology}")
    sockets = running.sockets()
    assert list(sockets.iterdir())
    running.kill()
    assert not sockets.exists()
    assert not running.file.exists()


def test_a_run_of_which_everything_is_killed_leaves_nothing(start: Start, desk: Path) -> None:
    """Not even a child is left that could clear up."""
    running = start(desk, "cut")
    running.until_said("desk runs as cut")
    sockets = running.sockets()
    running.kill(*running.pids().values())
    assert not sockets.exists()
    assert not running.file.exists()


@pytest.mark.parametrize("topology", ["whole", "cut"])
def test_a_killed_run_does_not_hinder_the_next(start: Start, freestone: Words, desk: Path, topology: str) -> None:
    """Its file counts for nothing; the next run takes its place, and removes what it left."""
    running = start(desk, topology)
    running.until_said(f"desk runs as {topology}")
    sockets = running.sockets()
    running.process.kill()
    running.ended()
    assert freestone("ps", cwd=desk).stdout.startswith("desk does not run here")
    start(desk, topology).until_said(f"desk runs as {topology}")
    assert not sockets.exists()


def test_a_topology_that_runs_is_not_run_again(start: Start, freestone: Words, desk: Path) -> None:
    """The sentence says as which process; the run that was there goes on."""
    running = start(desk, "cut")
    running.until_said("desk runs as cut")
    shown = freestone("run", "cut", cwd=desk)
    assert shown.returncode == 78
    assert shown.stderr.startswith("Error: topology 'cut': it runs here already, since ")
    assert f"as process {running.process.pid}; stop that run first" in shown.stderr
    assert freestone("call", "desk.put", "thing=pen", cwd=desk).returncode == 0


@pytest.mark.parametrize("topology", ["whole", "cut"])
def test_a_service_that_can_never_start_ends_the_run(start: Start, desk: Path, topology: str) -> None:
    """With its sentence and status: what another try can't help is not tried for ever."""
    spoil(desk, "from freestone.errors import ConfigurationError as E, Mistake as M; raise E([M('ink', 'is dry')])")
    running = start(desk, topology)
    assert running.ended() == 78
    assert running.lines[-1].startswith("Error: ")
    assert running.lines[-1].endswith("the service clerk did not start: ink: is dry")


def test_a_service_that_does_not_import_any_more_takes_no_other_with_it(
    start: Start, freestone: Words, desk: Path
) -> None:
    """A process imports the services that it holds, and no others: the code of one can't keep another from starting.

    What had served is tried again until it is mended.
    """
    service, file = desk / "desk" / "service.py", desk / "freestone.toml"
    common, clerk = service.read_text("utf-8").split("@service\nclass Clerk")
    (desk / "desk" / "clerk.py").write_text(f"{common.partition('@service')[0]}@service\nclass Clerk{clerk}", "utf-8")
    service.write_text(common, "utf-8")
    file.write_text(file.read_text("utf-8").replace("service:Clerk", "clerk:Clerk"), "utf-8")
    running = start(desk, "cut")
    running.until_said("desk runs as cut")
    before = running.pids()

    right = (desk / "desk" / "clerk.py").read_text("utf-8")
    (desk / "desk" / "clerk.py").write_text("def (", "utf-8")
    for name in ("clerk.0", "desk.0", "desk.1"):
        os.kill(before[name], signal.SIGKILL)

    assert freestone("call", "desk.count", "to=2", cwd=desk).stdout == "0\n1\n"
    assert "SyntaxError" in running.until_said('"desk.clerk" does not import')
    running.until_said("clerk.0 exited with status 78; it is started again in")
    (desk / "desk" / "clerk.py").write_text(right, "utf-8")
    assert freestone("call", "clerk.sums", "numbers=[1, 2]", cwd=desk).stdout == "3\n"


def test_a_service_that_fails_to_start_is_tried_again(start: Start, desk: Path) -> None:
    """What it waits for may come; the run goes on, and can be stopped."""
    spoil(desk, "raise ConnectionError('the ink is out')")
    running = start(desk, "cut")
    running.until_said("clerk.0 exited with status 1; it is started again in", times=2)
    running.process.send_signal(signal.SIGTERM)
    assert running.ended() == 0


def test_a_mistake_in_the_file_is_told_before_anything_is_started(freestone: Words, desk: Path) -> None:
    """Once, and not by every process."""
    file = desk / "freestone.toml"
    file.write_text(file.read_text("utf-8").replace("ClerkService", "ClarkService"), "utf-8")
    shown = freestone("run", "cut", cwd=desk)
    assert shown.returncode == 78
    assert shown.stderr.count("ClarkService") == 1
    assert not (desk / ".freestone" / "run").exists()


def test_an_unknown_topology_is_named_with_those_that_there_are(freestone: Words, desk: Path) -> None:
    """And nothing runs."""
    shown = freestone("run", "cutt", cwd=desk)
    assert shown.returncode == 78
    assert 'there is no topology "cutt"' in shown.stderr
    assert "cut" in shown.stderr.partition("cutt")[2]


def test_a_migration_that_fails_ends_the_run(freestone: Words, shop: Path) -> None:
    """To start the process again would change nothing."""
    (shop / "shop" / "guests" / "migrations" / "0001_guest.py").write_text("raise RuntimeError('no such table')\n")
    shown = freestone("run", "split", cwd=shop)
    assert shown.returncode == 78
    assert "guests.0: it can't be started: the service guests did not start:" in shown.stderr
    assert "0001_guest.py" in shown.stderr
