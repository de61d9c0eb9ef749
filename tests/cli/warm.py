"""``freestone``, run to its end in a process that is forked from one which has imported it.

A command is mostly imports, and the tests give some hundred of them. Everything else is as with a program that was
started: its own process, its words, directory and environment, its input and output, and its status.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import final

_IMPORTED = (
    "uvloop",
    "alembic.autogenerate",
    "alembic.runtime.environment",
    "freestone.cli.program",
    "freestone.cli.call",
    "freestone.cli.db",
    "freestone.data",
    "freestone.events.publisher",
    "freestone.gateway",
    "rich.table",
    "typer._adapters",
)
_ROOM = 1 << 20
"""Bytes of words and environment that a command may have."""


@final
class WarmProgram:
    """The process from which commands are forked. Start it once, close it once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())], env=environment, pass_fds=[theirs.fileno()]
            )

    def run(
        self, *words: str, cwd: Path, env: Mapping[str, str], answer: str = "", patience: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, with that text as its input. Raises TimeoutExpired if it takes longer."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(answer.encode())
            given.seek(0)
            asked = json.dumps([words, str(cwd), dict(env)]).encode()
            socket.send_fds(self._socket, [asked], [given.fileno(), out.fileno(), err.fileno()])
            pid = int(self._socket.recv(_ROOM))
            self._socket.settimeout(patience)
            try:
                status = int(self._socket.recv(_ROOM))
            except TimeoutError:
                os.kill(pid, 9)
                self._socket.settimeout(None)
                self._socket.recv(_ROOM)
                raise subprocess.TimeoutExpired(list(words), patience) from None
            finally:
                self._socket.settimeout(None)
            texts = []
            for each in (out, err):
                each.seek(0)
                texts.append(each.read().decode())
            return subprocess.CompletedProcess(list(words), status, *texts)

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._process.wait()


def _serve(asking: socket.socket) -> None:
    """Fork for each command that is asked for, and tell its process id and its status. Returns in the forked process,
    when all is as the command is to have it."""
    while True:
        asked, fds, _, _ = socket.recv_fds(asking, _ROOM, 3)
        if not asked:
            sys.exit()
        pid = os.fork()
        if pid == 0:
            break
        for fd in fds:
            os.close(fd)
        asking.send(str(pid).encode())
        asking.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
    asking.close()
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    words, cwd, environment = json.loads(asked)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["freestone", *words]


def _status(error: SystemExit) -> int:
    """Return the exit status that Python would end with."""
    if isinstance(error.code, str):
        print(error.code, file=sys.stderr)
        return 1
    return error.code or 0


if __name__ == "__main__":
    for module in _IMPORTED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # so that the forked processes share what is here
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from freestone.cli import main

    status = 0
    try:
        main()
    except SystemExit as error:
        status = _status(error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # to take down all that was imported would take as long as the command
