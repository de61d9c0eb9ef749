"""The supervisor with real processes, which are really killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from freestone.deploy.supervisor import Backoff, ProcessSpec, Replica, State, Supervisor
from freestone.signals import SIGNALS, ProcessDelayed, ProcessEnded, ProcessStarted, Signal

if TYPE_CHECKING:
    from .conftest import Watched, Witness

EDGE, CATALOG, CATALOG_1 = Replica("edge"), Replica("catalog"), Replica("catalog", 1)
Program = Callable[..., tuple[str, ...]]


def pid(supervisor: Supervisor, replica: Replica) -> int:
    found = supervisor.status(replica).pid
    assert found is not None
    return found


async def test_a_replica_runs_once_it_says_that_it_is_ready(watched: Watched, program: Program) -> None:
    """Until then it is starting."""
    supervisor = watched.start([ProcessSpec(EDGE, program("serve()"))])
    await watched.until(lambda: supervisor.status(EDGE).pid is not None)
    assert supervisor.status(EDGE).state is State.STARTING
    await watched.until_running(EDGE)


async def test_a_killed_replica_is_started_again(watched: Watched, program: Program) -> None:
    """It has another pid, and its restarts are counted; the other replica is left alone."""
    supervisor = watched.start([ProcessSpec(CATALOG, program("serve()")), ProcessSpec(CATALOG_1, program("serve()"))])
    await watched.until_running(CATALOG, CATALOG_1)
    killed, other = pid(supervisor, CATALOG), pid(supervisor, CATALOG_1)
    for restarts in (1, 2, 3):
        os.kill(pid(supervisor, CATALOG), signal.SIGKILL)
        await watched.until(lambda restarts=restarts: supervisor.status(CATALOG).restarts == restarts)
        await watched.until_running(CATALOG)
    assert pid(supervisor, CATALOG) != killed
    assert pid(supervisor, CATALOG_1) == other
    supervisor.stop()
    await watched.ended()
    assert "catalog.0 was killed by SIGKILL; it is started again at once" in watched.err.getvalue()


async def test_a_crash_loop_backs_off(watched: Watched, program: Program) -> None:
    """A program that ends at once is started less and less often."""
    backoff = Backoff(first=0.02, factor=2, ceiling=30, jitter=0)
    supervisor = watched.start([ProcessSpec(EDGE, program("sys.exit(3)"))], backoff=backoff)
    await watched.until(lambda: supervisor.status(EDGE).restarts >= 3)
    await watched.until(lambda: supervisor.status(EDGE).state is State.BACKING_OFF)
    assert supervisor.status(EDGE).pid is None
    supervisor.stop()
    assert (await watched.ended()).clean
    said = [line for line in watched.err.getvalue().splitlines() if "exited with status 3" in line]
    assert [line.rpartition(" in ")[2] for line in said][:4] == ["0.0 s", "0.0 s", "0.1 s", "0.2 s"]


async def test_a_process_that_falls_after_each_start_rests_in_between(watched: Watched, program: Program) -> None:
    """As one that dies at each request: it is back at once, then it waits, and each wait is announced."""
    heard: list[Signal] = []
    SIGNALS.subscribe(heard.append)
    try:
        backoff = Backoff(first=0.04, factor=2, served_ceiling=0.08, jitter=0)
        supervisor = watched.start([ProcessSpec(EDGE, program("ready(); sys.exit(3)"))], backoff=backoff)
        await watched.until(lambda: supervisor.status(EDGE).restarts >= 4)
        supervisor.stop()
        await watched.ended()
    finally:
        SIGNALS.unsubscribe(heard.append)
    first, second, third, fourth, *_ = [signal.seconds for signal in heard if isinstance(signal, ProcessDelayed)]
    assert (first, second, third) == (0, 0.04, 0.08)
    assert fourth >= 0.08  # or the time that its start took


async def test_a_program_that_is_not_there_is_a_crash(watched: Watched) -> None:
    """It may be there the next time; what is wrong is said."""
    supervisor = watched.start([ProcessSpec(EDGE, ("/nowhere/program",))])
    await watched.until(lambda: supervisor.status(EDGE).restarts >= 1)
    supervisor.stop()
    await watched.ended()
    assert "edge.0 can't be started: [Errno 2] No such file or directory" in watched.err.getvalue()


async def test_stopping_drains_in_order(watched: Watched, program: Program, tmp_path: Path) -> None:
    """The process of an earlier stage has ended before a later one is asked to."""
    journal = tmp_path / "journal"
    source = f"""
        # Waited for, not handled: a handler would not run if the signal came just before a blocking call.
        signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM}})
        ready()
        signal.sigwait({{signal.SIGTERM}})
        with open({str(journal)!r}, "a") as file:
            file.write(sys.argv[1] + " drains\\n")
            file.flush()
            file.write(sys.argv[1] + " is gone\\n")
    """
    supervisor = watched.start(
        [
            ProcessSpec(CATALOG, program(source, "catalog"), stage=1),
            ProcessSpec(EDGE, program(source, "edge"), stage=0),
        ]
    )
    await watched.until_running(EDGE, CATALOG)
    supervisor.stop()
    outcome = await watched.ended()
    assert outcome.clean
    assert outcome.failed is None
    assert journal.read_text("utf-8").splitlines() == [
        "edge drains",
        "edge is gone",
        "catalog drains",
        "catalog is gone",
    ]


async def test_what_does_not_drain_in_time_is_killed(watched: Watched, program: Program) -> None:
    """The end comes in bounded time, and is not clean."""
    deaf = program("signal.signal(signal.SIGTERM, signal.SIG_IGN); serve()")
    supervisor = watched.start([ProcessSpec(EDGE, deaf)], drain_seconds=0.2)
    await watched.until_running(EDGE)
    supervisor.stop()
    assert not (await watched.ended()).clean
    assert "edge.0 did not drain in time and is killed" in watched.err.getvalue()


async def test_stopping_twice_kills(watched: Watched, program: Program) -> None:
    """Whoever is impatient does not wait for the drain time."""
    deaf = program("signal.signal(signal.SIGTERM, signal.SIG_IGN); serve()")
    supervisor = watched.start([ProcessSpec(EDGE, deaf)], drain_seconds=1000)
    await watched.until_running(EDGE)
    supervisor.stop()
    supervisor.stop()
    assert not (await watched.ended()).clean


async def test_a_process_that_cannot_be_started_ends_the_run(watched: Watched, program: Program) -> None:
    """Its reason is the run's, and the others are drained."""
    refusing = program(
        """
        report = {"type": "refused", "reason": "settings.catalog: no such key"}
        lifeline.sendall(json.dumps(report).encode() + b"\\n")
        sys.exit(os.EX_CONFIG)
        """
    )
    watched.start([ProcessSpec(EDGE, program("serve()")), ProcessSpec(CATALOG, refusing, stage=1)])
    outcome = await watched.ended()
    assert outcome.failed == CATALOG
    assert outcome.reason == "settings.catalog: no such key"


async def test_a_child_that_gives_no_reason_is_quoted_with_its_status(watched: Watched, program: Program) -> None:
    """The exit status alone says that another try is of no use."""
    watched.start([ProcessSpec(CATALOG, program("sys.exit(78)"))])
    assert (await watched.ended()).reason == "it exited with status 78"


async def test_lines_have_the_name_of_their_process(watched: Watched, program: Program) -> None:
    """Standard output and standard error go to their own streams; invalid UTF-8 and a last line without an
    end too.
    """
    talking = program(
        """
        print("hello")
        sys.stdout.buffer.write(b"caf\\xe9\\n" + b"x" * 1_000_000 + b"\\nlast words")
        print("trouble", file=sys.stderr)
        sys.exit(78)
        """
    )
    watched.start([ProcessSpec(EDGE, talking)])
    await watched.ended()
    lines = watched.out.getvalue().splitlines()
    assert lines[:2] == ["edge.0    | hello", "edge.0    | caf\\xe9"]
    assert lines[-1] == "edge.0    | last words"
    assert sum(line.count("x") for line in lines[2:-1]) == 1_000_000
    assert "edge.0    | trouble" in watched.err.getvalue().splitlines()


async def test_what_a_child_leaves_behind_is_killed(watched: Watched, program: Program, witness: Witness) -> None:
    """A grandchild does not outlive its parent, though the parent was killed."""
    parent = program(
        f"""
        if os.fork() == 0:
            ready()
            os.close(lifeline.detach())
            while True:
                signal.pause()
        os.close({witness.fd})
        signal.pause()
        """
    )
    supervisor = watched.start([ProcessSpec(EDGE, parent, fds=(witness.fd,))])
    await watched.until_running(EDGE)
    os.kill(pid(supervisor, EDGE), signal.SIGKILL)
    supervisor.stop()  # so that it has no successor
    await witness.nobody_left()


async def test_starts_and_ends_are_announced(watched: Watched, program: Program) -> None:
    """Telemetry hears of each process with its pid and how it ended."""
    heard: list[Signal] = []
    SIGNALS.subscribe(heard.append)
    try:
        supervisor = watched.start([ProcessSpec(EDGE, program("serve()"))])
        await watched.until_running(EDGE)
        number = pid(supervisor, EDGE)
        supervisor.stop()
        await watched.ended()
    finally:
        SIGNALS.unsubscribe(heard.append)
    assert heard == [ProcessStarted("edge", 0, number), ProcessEnded("edge", 0, number, -signal.SIGTERM)]


async def test_a_cancelled_run_leaves_no_process(watched: Watched, program: Program, witness: Witness) -> None:
    """Whoever gives up waiting for the run has nothing to clear up."""
    watched.start([ProcessSpec(EDGE, program("serve()"), fds=(witness.fd,))])
    await watched.until_running(EDGE)
    await watched.close()
    await witness.nobody_left()
