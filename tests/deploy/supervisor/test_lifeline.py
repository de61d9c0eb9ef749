"""What a supervisor and its child tell each other."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from freestone.deploy.supervisor import Lifeline
from freestone.deploy.supervisor.lifeline import ORPHANED_EXIT, Ready, Refused, Reports


@pytest.fixture
def reports() -> Iterator[Reports]:
    """Give the supervisor's end."""
    made = Reports()
    yield made
    made.close()


@pytest.fixture
def lifeline(reports: Reports) -> Iterator[Lifeline]:
    """Give the child's end."""
    fd = os.dup(reports.childs_end.fileno())
    os.set_inheritable(fd, True)  # as it is in a child
    made = Lifeline(fd)
    yield made
    made.close()


def test_reports_arrive_as_they_were_sent(reports: Reports, lifeline: Lifeline) -> None:
    """A reason may have many lines."""
    lifeline.ready()
    lifeline.refuse("two mistakes:\n- größer\n- kleiner")
    assert reports.read() == [Ready(), Refused("two mistakes:\n- größer\n- kleiner")]
    assert reports.read() == []


def test_a_report_in_pieces_is_one_report(reports: Reports) -> None:
    """A stream may be cut anywhere; what is no report is passed over."""
    reports.childs_end.sendall(b'nonsense\n{"type":"re')
    assert reports.read() == []
    reports.childs_end.sendall(b'ady"}\n')
    assert reports.read() == [Ready()]


def test_a_child_whose_supervisor_is_gone_can_still_speak(reports: Reports, lifeline: Lifeline) -> None:
    """Nobody hears it, and that is no error: the thread that watches learns of it."""
    reports.close()
    lifeline.ready()


def test_the_lifeline_is_not_inherited_by_a_grandchild(lifeline: Lifeline) -> None:
    """A program that the child starts must not look like the child."""
    assert not os.get_inheritable(lifeline.fileno())


_BLOCKED = """
import signal, sys
from freestone.deploy.supervisor import Lifeline
signal.signal(signal.SIGTERM, lambda *_: print("terminated", flush=True))
lifeline = Lifeline(int(sys.argv[1]))
lifeline.watch(grace=0.1, farewell=lambda: print("farewell", flush=True))
lifeline.ready()
while True:
    pass
"""

_GOOD = """
import signal, sys
from freestone.deploy.supervisor import Lifeline
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
lifeline = Lifeline(int(sys.argv[1]))
lifeline.watch(grace=100, farewell=lambda: None)
signal.sigwait({signal.SIGTERM})
sys.exit(7)
"""


def test_a_blocked_child_ends_when_its_supervisor_does(reports: Reports) -> None:
    """It is asked to drain as by SIGTERM, and ended by its own thread after the grace."""
    fd = reports.childs_end.fileno()
    with subprocess.Popen(
        [sys.executable, "-c", _BLOCKED, str(fd)], pass_fds=[fd], stdout=subprocess.PIPE, text=True
    ) as process:
        watchdog = threading.Timer(20, process.kill)
        watchdog.start()
        reports.childs_end.close()
        select.select([reports], [], [], 20)
        assert reports.read() == [Ready()]
        reports.close()
        assert process.stdout is not None
        assert process.stdout.read().split() == ["terminated", "farewell"]
        assert process.wait() == ORPHANED_EXIT
        watchdog.cancel()


def test_a_child_that_drains_in_time_ends_as_it_likes(reports: Reports) -> None:
    """Its own exit status counts."""
    fd = reports.childs_end.fileno()
    with subprocess.Popen([sys.executable, "-c", _GOOD, str(fd)], pass_fds=[fd]) as process:
        watchdog = threading.Timer(20, process.send_signal, [signal.SIGKILL])
        watchdog.start()
        reports.close()
        assert process.wait() == 7
        watchdog.cancel()
