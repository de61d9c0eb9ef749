"""Whatever is killed, no process, no socket and no file of the run is left."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from freestone.deploy.supervisor import RunFile

if TYPE_CHECKING:
    from .conftest import Witness

_CHILD = """
import signal, sys, threading
from pathlib import Path
from freestone.deploy.supervisor import Lifeline, RunFile, RuntimeDirectory, Tenancy

_, directory, application, behaviour, _, lifeline = sys.argv
lifeline = Lifeline(int(lifeline))
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
tenancy = Tenancy(lifeline, RuntimeDirectory(Path(directory)), RunFile(Path(application), "split"))
tenancy.begin(grace=0.2)
lifeline.ready()
if behaviour == "deaf":
    threading.Event().wait()
signal.sigwait({signal.SIGTERM})
tenancy.end()
"""

_SUPERVISOR = """
import asyncio, random, sys
from pathlib import Path
from freestone.clock import SystemClock
from freestone.deploy.supervisor import *

async def main(application, child, witness, behaviours):
    clock, file, directory = SystemClock(), RunFile(Path(application), "split"), RuntimeDirectory.make()
    print(directory.path, flush=True)
    listen_unix(directory.path / "catalog-0.sock")
    own = ProcessIdentity.own()
    file.claim(RunRecord("academy", "split", own, clock.now(), str(directory.path), ()))
    def changed():
        if all(supervisor.status(spec.replica).state is State.RUNNING for spec in specs):
            print(*(supervisor.status(spec.replica).pid for spec in specs), flush=True)
    specs = []
    for number, behaviour in enumerate(behaviours):
        command = (sys.executable, child, str(directory.path), application, behaviour)
        specs.append(ProcessSpec(Replica(f"p{number}"), command, (witness,)))
    logs = Logs([OWN_NAME, *(str(spec.replica) for spec in specs)], sys.stderr, sys.stderr)
    supervisor = Supervisor(specs, logs=logs, clock=clock, random=random.Random(1), changed=changed)
    await supervisor.run()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]))
"""


class Run:
    """A supervisor in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, directory: Path, application: Path) -> None:
        self.process = process
        self.directory = directory
        self.file = RunFile(application, "split").path

    async def children(self) -> list[int]:
        """Wait until all children run, and return their pids."""
        return [int(pid) for pid in (await _line(self.process)).split()]


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = await process.stdout.readline()
    assert line, "the supervisor has ended"
    return line.decode().strip()


@pytest.fixture
async def run(tmp_path: Path, witness: Witness, request: pytest.FixtureRequest) -> AsyncIterator[Run]:
    """Run a supervisor; its children behave as the parameter says, and hold the witness."""
    child, supervisor = tmp_path / "child.py", tmp_path / "supervisor.py"
    child.write_text(textwrap.dedent(_CHILD), "utf-8")
    supervisor.write_text(textwrap.dedent(_SUPERVISOR), "utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, supervisor, tmp_path, child, str(witness.fd), *request.param,
        stdout=asyncio.subprocess.PIPE, pass_fds=(witness.fd,),
    )  # fmt: skip
    try:
        yield Run(process, Path(await _line(process)), tmp_path)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("run", [["good", "good", "good"], ["good", "deaf", "deaf"]], indirect=True)
async def test_a_killed_supervisor_leaves_nothing(run: Run, witness: Witness) -> None:
    """Its children hear of it, drain, or are ended by their own threads if they do not."""
    await run.children()
    assert [path.name for path in run.directory.iterdir()] == ["catalog-0.sock"]
    assert run.file.exists()
    run.process.kill()
    await witness.nobody_left()
    assert not run.directory.exists()
    assert not run.file.exists()


@pytest.mark.parametrize("run", [["good", "deaf"]], indirect=True)
async def test_a_child_that_is_killed_too_does_not_clear_up_but_the_other_does(run: Run, witness: Witness) -> None:
    """The kernel gives up the lock of the one that is killed."""
    first, _ = await run.children()
    run.process.kill()
    os.kill(first, signal.SIGKILL)
    await witness.nobody_left()
    assert not run.directory.exists()
    assert not run.file.exists()


@pytest.mark.parametrize("run", [["good", "good"]], indirect=True)
async def test_a_stopped_supervisor_that_is_killed_leaves_nothing(run: Run, witness: Witness) -> None:
    """Even one that could not do anything any more."""
    await run.children()
    run.process.send_signal(signal.SIGSTOP)
    run.process.kill()
    await witness.nobody_left()
    assert not run.directory.exists()
