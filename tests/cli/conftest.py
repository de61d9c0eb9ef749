"""Two small applications, and the command line run in processes of its own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from freestone.cli.new import rendered

from .warm import WarmProgram

PROGRAM = (sys.executable, "-P", "-m", "freestone.cli")
PATIENCE = 40
"""Seconds for anything that a test waits for."""

_DESK_FILE = """
name = "desk"

[services]
desk  = "desk.service:DeskService"
clerk = "desk.service:ClerkService"

[topologies.whole]
all = { services = ["*"] }

[topologies.cut]
clerk = { services = ["clerk"] }
desk  = { services = ["desk"], replicas = 2 }
"""

_DESK_CONTRACT = '''
from collections.abc import AsyncIterator

from freestone import Contract, Message, command, errors, query


class Tally(Message):
    numbers: tuple[int, ...]
    subject: str | None


class Full(errors.FailedPrecondition):
    """No more fits in."""

    limit: int


class Desk(Contract):
    @query
    async def tally(self, numbers: tuple[int, ...], times: int = 1) -> Tally:
        """Return the numbers, multiplied."""

    @query
    def count(self, to: int) -> AsyncIterator[int]:
        """Count."""

    @command(raises=[Full])
    async def put(self, thing: str) -> None:
        """Put something in."""

    @command
    async def ponder(self, until: str) -> None:
        """Think until there is such a file."""


class Clerk(Contract):
    @query
    async def sums(self, numbers: tuple[int, ...]) -> int:
        """Return the sum of what the desk says."""
'''

_DESK_SERVICE = """
import asyncio
import os

from freestone import current, service

from desk.contract import Clerk, Desk, Full, Tally


@service
class DeskService(Desk):
    async def tally(self, numbers, times=1):
        context = current()
        subject = context.identity.subject if context and context.identity else None
        return Tally(numbers=tuple(number * times for number in numbers), subject=subject)

    async def count(self, to):
        for number in range(to):
            yield number

    async def put(self, thing):
        if thing == "elephant":
            raise Full("it is too big", limit=3)

    async def ponder(self, until):
        print("pondering")
        while not os.path.exists(until):
            await asyncio.sleep(0.01)


@service
class ClerkService(Clerk):
    desk: Desk

    async def sums(self, numbers):
        return sum((await self.desk.tally(numbers)).numbers)
"""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which the width and the colours of the output are known."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FREESTONE_")}
    return {**kept, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", **(extra or {})}


Words = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def freestone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Words]:
    """Run ``freestone`` with those words to its end."""
    with closing(WarmProgram(environment())) as program:

        def run(
            *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, answer: str = ""
        ) -> subprocess.CompletedProcess[str]:
            where = cwd or tmp_path_factory.mktemp("nowhere")
            return program.run(*words, cwd=where, env=environment(env), answer=answer, patience=PATIENCE)

        yield run


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Make the application that ``freestone new shop`` makes; its gateway takes any free port."""
    directory = tmp_path / "shop"
    for path, text in rendered("shop", "shop"):
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("127.0.0.1:8000", "127.0.0.1:0"), "utf-8")
    return directory


def make_desk(directory: Path) -> Path:
    """Make an application without data and gateway, which starts quickly."""
    (directory / "desk").mkdir(parents=True)
    (directory / "desk" / "__init__.py").touch()
    (directory / "desk" / "contract.py").write_text(_DESK_CONTRACT, "utf-8")
    (directory / "desk" / "service.py").write_text(_DESK_SERVICE, "utf-8")
    (directory / "freestone.toml").write_text(_DESK_FILE, "utf-8")
    return directory


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Make an application for one test."""
    return make_desk(tmp_path / "application")


class Running:
    """``freestone run``, or ``serve``, in a process of its own."""

    def __init__(self, directory: Path, topology: str, *words: str, command: str = "run") -> None:
        self.directory = directory
        self.file = directory / ".freestone" / "run" / f"{topology}.json"
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*PROGRAM, command, topology, *words], cwd=directory, env=environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self._over = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def until_said(self, words: str, *, times: int = 1) -> str:
        """Wait until that many lines have those words; return the last of them."""

        def said() -> list[str]:
            return [line for line in self.lines if words in line]

        with self._changed:
            self._changed.wait_for(lambda: len(said()) >= times or self._over, PATIENCE)
        assert len(said()) >= times, f"nobody said {words!r}: {self.lines}"
        return said()[times - 1]

    def record(self) -> dict[str, Any]:
        """Return what the run's file says."""
        found: dict[str, Any] = json.loads(self.file.read_text("utf-8"))
        return found

    def sockets(self) -> Path:
        """Return the directory of the run's sockets."""
        return Path(self.record()["runtime_directory"])

    def pids(self) -> dict[str, int]:
        """Return the pid of each replica, by its name."""
        return {f"{each['process']}.{each['replica']}": each["pid"] for each in self.record()["replicas"]}

    def ended(self) -> int:
        """Wait for the end, and return the exit status."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def kill(self, *children: int) -> None:
        """Kill it, and those of its children, and wait until all that it has started has ended."""
        pid = self.process.pid
        started = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        watched = [os.pidfd_open(int(each)) for each in started]
        self.process.send_signal(signal.SIGSTOP)  # it starts no other meanwhile
        for child in children:
            os.kill(child, signal.SIGKILL)
        self.process.kill()
        self.ended()
        deadline = time.monotonic() + PATIENCE
        for each in watched:
            ended, _, _ = select.select([each], [], [], max(0, deadline - time.monotonic()))
            os.close(each)
            assert ended, "something has outlived its run"

    def close(self) -> None:
        """End it if it runs, so that nothing of it is left."""
        try:
            if self.process.poll() is None:
                self.process.terminate()
                self.ended()
        finally:
            self.process.kill()
            self.ended()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()


Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start ``freestone run`` in the directory of an application."""
    started: list[Running] = []

    def run(directory: Path, topology: str, *words: str, command: str = "run") -> Running:
        started.append(Running(directory, topology, *words, command=command))
        return started[-1]

    yield run
    for each in started:
        each.close()


@pytest.fixture(scope="module")
def running_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run an application cut into three processes, for all tests of a module, which leave it as it is."""
    directory = make_desk(tmp_path_factory.mktemp("desk") / "application")
    with closing(Running(directory, "cut")) as running:
        running.until_said("desk runs as cut")
        yield running
