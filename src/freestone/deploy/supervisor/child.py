"""One operating-system process that the supervisor started, from its start to its last line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, final

from .lifeline import CONFIGURATION_EXIT, Ready, Refused, Reports
from .lines import LineSplitter

_STDOUT, _STDERR = 1, 2


class HearLine(Protocol):
    """Hears a line, without its end; ``error`` if it came by standard error."""

    def __call__(self, text: str, *, error: bool) -> None: ...


@final
@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears of a child."""

    line: HearLine
    ready: Callable[[], None]
    exited: Callable[[int, str | None], None]
    """Called with the exit status, negative for a signal, and with the reason if another try would be of no use. It
    is the last word but for lines that were still on their way."""


@final
class Child(asyncio.SubprocessProtocol):
    """A process in a session of its own, so that Ctrl-C reaches the supervisor alone."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._reports = Reports()
        self._splitters = {_STDOUT: LineSplitter(), _STDERR: LineSplitter()}
        self._transport: asyncio.SubprocessTransport | None = None
        self._loop = asyncio.get_running_loop()
        self._refused: str | None = None
        self.gone = False
        """Whether the process has ended."""
        self.ended = asyncio.Event()
        """Set when the process is gone and its pipes have reached their end."""

    @classmethod
    async def spawn(cls, command: Sequence[str], fds: Sequence[int], listener: Listener) -> Child:
        """Start a process with those descriptors and a lifeline, which is named by the last two arguments:
        ``--lifeline N``. Raises OSError if it can't be started.
        """
        child = cls(listener)
        lifeline = child._reports.childs_end
        try:
            await child._loop.subprocess_exec(
                lambda: child,
                *command,
                "--lifeline",
                str(lifeline.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(*fds, lifeline.fileno()),
                start_new_session=True,
            )
        except BaseException:
            child._reports.close()
            raise
        lifeline.close()
        if not child.gone:
            child._loop.add_reader(child._reports, child._report)
        return child

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._transport is not None
        return self._transport.get_pid()

    def terminate(self) -> None:
        """Ask the process to drain and exit. Does nothing if it is gone."""
        self._signal(os.kill, signal.SIGTERM)

    def kill(self) -> None:
        """End the process and all that it started. Does nothing if it is gone."""
        self._signal(os.killpg, signal.SIGKILL)

    def flow(self, going: bool) -> None:
        """Read the process's lines, or leave them in its pipes for now."""
        for fd in self._splitters:
            pipe = self._transport and self._transport.get_pipe_transport(fd)
            if isinstance(pipe, asyncio.ReadTransport) and not pipe.is_closing():
                (pipe.resume_reading if going else pipe.pause_reading)()

    def close(self) -> None:
        """Close the pipes, if a grandchild holds them open."""
        if self._transport is not None:
            self._transport.close()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        for line in self._splitters[fd].feed(data):
            self._listener.line(line, error=fd == _STDERR)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        for line in self._splitters[fd].close() if fd in self._splitters else ():
            self._listener.line(line, error=fd == _STDERR)

    def process_exited(self) -> None:
        self.gone = True
        self._report()  # what it said last may not have been read
        self._loop.remove_reader(self._reports)
        self._reports.close()
        assert self._transport is not None
        # What it started and left behind would be an orphan. Its process group can't be another's: the
        # group's number is not given to a new process while the group has members.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._transport.get_pid(), signal.SIGKILL)
        status = self._transport.get_returncode()
        assert status is not None
        reason = self._refused or f"it exited with status {status}"
        self._listener.exited(status, reason if status == CONFIGURATION_EXIT else None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.close()
        self.ended.set()

    def _report(self) -> None:
        for report in self._reports.read():
            match report:
                case Ready():
                    self._listener.ready()
                case Refused(reason):
                    self._refused = reason
        # The end of the stream stays readable for ever; the child's exit is what counts.
        if self._reports.ended:
            self._loop.remove_reader(self._reports)

    def _signal(self, send: Callable[[int, int], None], number: int) -> None:
        if not self.gone:
            with contextlib.suppress(ProcessLookupError):
                send(self.pid, number)
