"""``python -m freestone.deploy.supervisor.nats_child``: a NATS server as the child of a supervisor.

::

    supervisor ── the server's process, which this program becomes
                    └── a guard: says when the server answers, and ends it if the supervisor is gone

A NATS server knows nothing of lifelines. So this program leaves a guard behind, which does, and becomes the server: the
process that the supervisor watches, signals and shows is the server itself. It holds a lock on its data for as long as
it lives, whatever becomes of the others, so that there are never two servers on the same data.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Final

from .lifeline import CONFIGURATION_EXIT, Lifeline
from .runtime import RuntimeDirectory

_PATIENCE: Final = 10.0
"""Seconds in which the server ends when it is told to, before it is killed."""
_BEFORE: Final = 5.0
"""Seconds in which a server of a run before this may end."""
_LOOK: Final = 0.1
"""Seconds between two looks."""


def main(arguments: list[str]) -> None:
    """Become the server. The arguments are those of ``OwnNats.command``, and ``--lifeline N``."""
    program, configuration, data, port, run_directory, grace, _, lifeline_fd = arguments
    lifeline = Lifeline(int(lifeline_fd))
    Path(data).mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock(Path(data))
    if lock is None:
        lifeline.refuse(f"another NATS server has the data in {data}: end the run that it belongs to first")
        sys.exit(CONFIGURATION_EXIT)
    server = os.getpid()
    if os.fork() == 0:
        os.close(lock)
        _guard(server, int(port), lifeline, RuntimeDirectory(Path(run_directory)), float(grace))
        os._exit(0)
    os.set_inheritable(lock, True)
    os.execv(program, [program, "--config", configuration])


def _lock(data: Path) -> int | None:
    """Return a descriptor that has the data to itself; None if somebody else does not let go of it."""
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + _BEFORE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return None
            time.sleep(_LOOK)
        else:
            return descriptor


def _guard(server: int, port: int, lifeline: Lifeline, directory: RuntimeDirectory, grace: float) -> None:
    """Say when the server answers, and end it when the supervisor is gone and the other processes have ended."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it goes with the server
    said = False
    while os.getppid() == server:
        if not said and _answers(port):
            lifeline.ready()
            said = True
        readable, _, _ = select.select([lifeline], [], [], _LOOK if not said else 1.0)
        if readable and not lifeline.supervised():
            _end(server, directory, grace)
            return


def _end(server: int, directory: RuntimeDirectory, grace: float) -> None:
    until = time.monotonic() + grace
    while time.monotonic() < until and directory.in_use():
        time.sleep(_LOOK)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, number)
        until = time.monotonic() + _PATIENCE
        while os.getppid() == server and time.monotonic() < until:
            time.sleep(_LOOK)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(5) == b"INFO "
    except OSError:
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
