"""Small programs as children, and a supervisor whose every change can be waited for."""

from __future__ import annotations

import asyncio
import io
import os
import random
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from freestone.clock import SystemClock
from freestone.deploy.supervisor import OWN_NAME, Backoff, Logs, Outcome, ProcessSpec, Replica, State, Supervisor

_PREAMBLE = """\
import json, os, signal, socket, sys, threading
lifeline = socket.socket(fileno=int(sys.argv[-1]))
def ready():
    lifeline.sendall(b'{"type":"ready"}\\n')
def serve():
    # Until the supervisor is gone, or SIGTERM comes.
    ready()
    lifeline.recv(1)
"""


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """Make the command of a child from its source; `ready()` and `serve()` are there, the lifeline too."""
    count = iter(range(1000))

    def make(source: str, *arguments: str) -> tuple[str, ...]:
        path = tmp_path / f"child{next(count)}.py"
        path.write_text(_PREAMBLE + textwrap.dedent(source), "utf-8")
        return (sys.executable, "-I", "-S", "-u", str(path), *arguments)

    return make


class Watched:
    """A supervisor at work, in a task."""

    def __init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[Outcome] | None = None

    def start(
        self, specs: Sequence[ProcessSpec], *, drain_seconds: float = 10, backoff: Backoff | None = None
    ) -> Supervisor:
        """Run the replicas."""
        names = [OWN_NAME, *(str(spec.replica) for spec in specs)]
        self.logs = Logs(names, self.out, self.err)
        self.supervisor = Supervisor(
            specs,
            logs=self.logs,
            clock=SystemClock(),
            random=random.Random(1),
            backoff=backoff or Backoff(first=0.01, ceiling=0.1),
            drain_seconds=drain_seconds,
            changed=self._changed.set,
        )
        self._task = asyncio.create_task(self.supervisor.run())
        return self.supervisor

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a change after which the condition holds. Raises TimeoutError after ten seconds."""
        async with asyncio.timeout(10):
            while not condition():
                await self._changed.wait()
                self._changed.clear()

    async def until_running(self, *replicas: Replica) -> None:
        """Wait until all of them run."""
        await self.until(lambda: all(self.supervisor.status(r).state is State.RUNNING for r in replicas))

    async def ended(self) -> Outcome:
        """Wait for the end of the run; its lines are written then."""
        assert self._task is not None
        async with asyncio.timeout(20):
            outcome = await self._task
        assert self.logs.close(10)
        return outcome

    async def close(self) -> None:
        """End whatever runs."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=20)
        if self._task is not None:
            self.logs.close(10)


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    """Give a supervisor that is ended with the test."""
    made = Watched()
    yield made
    await made.close()


class Witness:
    """A pipe that processes inherit (`fd`); its end says that none of them is left."""

    def __init__(self) -> None:
        self._reader, self.fd = os.pipe()

    def let_go(self) -> None:
        """Close the end that this process holds, once the others have theirs."""
        os.close(self.fd)
        self.fd = -1

    async def nobody_left(self) -> None:
        """Wait until no process holds it. Raises TimeoutError after ten seconds."""
        if self.fd >= 0:
            self.let_go()
        closed = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._reader, closed.set)
        try:
            async with asyncio.timeout(10):
                await closed.wait()
        finally:
            loop.remove_reader(self._reader)

    def close(self) -> None:
        """Close what is open."""
        os.close(self._reader)
        if self.fd >= 0:
            self.let_go()


@pytest.fixture
def witness() -> Iterator[Witness]:
    """Give a pipe whose end tells that nobody is left."""
    made = Witness()
    yield made
    made.close()
