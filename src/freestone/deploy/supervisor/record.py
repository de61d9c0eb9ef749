"""What runs here, as a file that others can read: ``.freestone/run/<topology>.json``.

The supervisor writes it at each change, as a whole, and removes it at the end. A file whose supervisor is
gone is stale: it counts for nothing, and the next run, of whatever topology, clears up what it names.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from typing import final

import msgspec

from freestone.errors import ConfigurationError, Mistake

from .identity import ProcessIdentity
from .runtime import RuntimeDirectory


@final
class ReplicaRecord(msgspec.Struct, frozen=True):
    """One replica of a process. ``pid`` and ``since`` are missing while none of it runs."""

    process: str
    replica: int
    services: tuple[str, ...]
    address: str
    """Where it speaks the wire, as ``unix:///run/freestone-x/catalog.0.sock``; ``nats://…`` of a NATS server."""
    state: str
    pid: int | None = None
    since: datetime | None = None
    restarts: int = 0

    @property
    def speaks_wire(self) -> bool:
        """Whether it is a process of the application, and not a server that the run has started beside them."""
        return not self.address.startswith("nats:")


@final
class RunRecord(msgspec.Struct, frozen=True):
    """One run of a topology."""

    application: str
    topology: str
    supervisor: ProcessIdentity
    since: datetime
    runtime_directory: str
    replicas: tuple[ReplicaRecord, ...]
    gateway: str | None = None
    """Where the gateway listens, as ``http://127.0.0.1:8000``."""


@final
class RunFile:
    """The file for one topology of the application whose runs keep their state in ``home``."""

    def __init__(self, home: Path, topology: str) -> None:
        self.path = run_directory(home) / f"{topology}.json"

    @classmethod
    def at(cls, path: Path) -> RunFile:
        """Return the file with that path."""
        return cls(path.parent.parent, path.stem)

    def claim(self, record: RunRecord) -> None:
        """Write the first record of a run, and clear up after runs that were killed.

        Raises ConfigurationError if the topology runs already.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self.path.parent):
            _sweep(self.path.parent)
            other = read(self.path)
            if other is not None:
                raise ConfigurationError([_runs_already(other)])
            self.write(record)

    def write(self, record: RunRecord) -> None:
        """Replace the record; a reader sees the old one or the new one, whole."""
        temporary = self.path.with_suffix(".new")
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
        temporary.replace(self.path)

    def remove(self, runtime_directory: Path) -> None:
        """Remove the file if it is the one of the run that has that directory: a later run may have claimed
        it.
        """
        with contextlib.suppress(FileNotFoundError), _locked(self.path.parent):
            record = read(self.path)
            if record is not None and record.runtime_directory == str(runtime_directory):
                self.path.unlink()


def run_directory(home: Path) -> Path:
    """Return where the run files are of an application whose runs keep their state in ``home``."""
    return home / "run"


def running(home: Path) -> list[RunRecord]:
    """Return what runs of the application whose runs keep their state in ``home``, by the topology's name.

    Stale files are passed over.
    """
    records = (read(path) for path in sorted(run_directory(home).glob("*.json")))
    return [record for record in records if record is not None and record.supervisor.alive()]


def read(path: Path) -> RunRecord | None:
    """Return the record in a file; None if there is none, or it was written by another version of
    Freestone.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunRecord)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _sweep(directory: Path) -> None:
    """Remove the files of runs that were killed, of whatever topology, and the sockets that they left."""
    for path in directory.glob("*.json"):
        record = read(path)
        if record is not None and not record.supervisor.alive():
            RuntimeDirectory(Path(record.runtime_directory)).remove()
            path.unlink()


@contextlib.contextmanager
def _locked(directory: Path) -> Generator[None]:
    """Hold the lock on the directory, as whoever claims or removes a file in it does, for a moment."""
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _runs_already(other: RunRecord) -> Mistake:
    return Mistake(
        f"topology {other.topology!r}",
        f"it runs here already, since {other.since:%Y-%m-%d %H:%M} UTC as process {other.supervisor.pid}",
        "stop that run first, or look at it with `freestone ps`",
    )
