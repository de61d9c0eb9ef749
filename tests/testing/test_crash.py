"""A process that kills itself where a test has said."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.signals import EventsLeaving, EventsSent, TransactionCommitted, TransactionCommitting
from freestone.testing import Crash, crashes
from freestone.testing.crash import POINTS

PROGRAM = """
import asyncio, sys
from pathlib import Path
from freestone import Contract, Database, Event, Publisher
from freestone.testing.crash import crash_as_told

class Orders(Contract):
    class Placed(Event, key="order"):
        order: str

async def main(at, log, file):
    crash_as_told("orders", {"FREESTONE_CRASH_AT": at, "FREESTONE_CRASH_LOG": log})
    publisher = Publisher(Database.open(file))
    await publisher.start()
    for order in "abc" if "+" not in at else "abcdefghijklmnopqrstuvwxyz" * 1000:
        await publisher.send(Orders.Placed(order))
    print(*(it.subject for it in await publisher.outbox.written()))
    await publisher.close()

asyncio.run(main(*sys.argv[1:]))
"""


def run(tmp_path: Path, at: str) -> tuple[int, str]:
    """Run the program with a crash; return its exit status and what it printed."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), at, str(tmp_path / "crashes.txt"), str(tmp_path / "orders.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, done.stdout.strip()


def test_p09_a_process_that_dies_before_its_commit_has_announced_nothing(tmp_path: Path) -> None:
    """At the second transaction; the one before is whole. The process that follows does not die there again."""
    at = "orders/committing[this block]:2"
    assert run(tmp_path, at) == (-signal.SIGKILL, "")
    assert crashes(tmp_path / "crashes.txt") == [at]
    assert run(tmp_path, at) == (0, "a a b c")


def test_p09_a_process_that_dies_right_after_its_commit_has_announced_it(tmp_path: Path) -> None:
    """Nothing lies between the two that a crash could come into."""
    assert run(tmp_path, "committed[this block]:2") == (-signal.SIGKILL, "")
    assert run(tmp_path, "") == (0, "a b a b c")


def test_p09_a_process_that_dies_somewhere_in_its_commit_has_announced_it_or_not(tmp_path: Path) -> None:
    """Whole either way, at each of many moments."""
    for step in range(5):
        place = tmp_path / str(step)
        place.mkdir()
        status, _ = run(place, f"committing[this block]:2+{step * 0.4}")
        assert status == -signal.SIGKILL
        left = run(place, "")[1].split()[:-3]
        assert left == [chr(ord("a") + number % 26) for number in range(len(left))]
        assert left


def test_p09_a_process_that_dies_while_its_commit_reaches_the_disk_has_announced_it_or_not(tmp_path: Path) -> None:
    """It has told the database to commit, and hears no answer."""
    at = "submitted[this block]:2"
    assert run(tmp_path, at) == (-signal.SIGKILL, "")
    assert crashes(tmp_path / "crashes.txt") == [at]
    assert run(tmp_path, at) in ((0, "a a b c"), (0, "a b a b c"))


def test_a_crash_for_another_process_is_none_here(tmp_path: Path) -> None:
    """One line of an environment holds for all processes of a run."""
    assert run(tmp_path, "payments/committing") == (0, "a b c")


written = st.builds(
    Crash,
    st.sampled_from(sorted(POINTS)),
    st.sampled_from(["", "orders"]),
    st.sampled_from(["", "orders.place", "this block"]),
    st.integers(1, 1000),
    st.sampled_from([0.0, 0.25, 3.0]),
)


@given(written)
def test_a_crash_is_read_as_it_is_written(crash: Crash) -> None:
    """So that a log names it as the test does."""
    assert Crash.parse(str(crash)) == crash


@pytest.mark.parametrize("text", ["", "nowhere", "/committing", "committing[x", "committing:x", "committing+x"])
def test_a_point_that_there_is_not_is_refused(text: str) -> None:
    """A test that waits for a crash that can't come would wait for ever."""
    with pytest.raises(ValueError, match=r"is no point to crash at|invalid literal|could not convert"):
        Crash.parse(text)


def test_a_crash_may_be_of_one_owner() -> None:
    """By the field of the signal that says whose it is."""
    crash = Crash.parse("committing[orders.place]")
    assert crash.meets(TransactionCommitting("orders", "orders.place"))
    assert not crash.meets(TransactionCommitting("orders", "orders.cancel"))
    assert not crash.meets(TransactionCommitted("orders", "orders.place"))
    assert Crash.parse("leaving[orders]").meets(EventsLeaving("orders", 3))
    assert Crash.parse("sent[freestone_shop]").meets(EventsSent("freestone_shop", 3))
    assert not Crash.parse("sent[orders]").meets(EventsSent("freestone_shop", 3))
