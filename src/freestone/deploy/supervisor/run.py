"""One run of a topology on this machine: its directory, its sockets, and the files that say what runs."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, final

from freestone.app import Outline, Plan, from_here, http_url
from freestone.call import Address, TcpAddress, UnixAddress
from freestone.clock import Clock

from .identity import ProcessIdentity
from .nats import OwnNats
from .record import ReplicaRecord, RunFile, RunRecord
from .runtime import RuntimeDirectory, listen_tcp, listen_unix
from .supervision import Replica
from .supervisor import Status
from .sweeper import Sweeper

_OUTLINE: Final = "outline.json"


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where a replica is reached. The sockets are the run's, and outlive the processes that accept on
    them.
    """

    address: str
    """Where it speaks the wire, for processes of this machine."""
    wire: socket.socket
    gateway: socket.socket | None
    """Where it serves HTTP, if it lets the outside in."""


@final
class Run:
    """A run, claimed: no other run of the topology begins before it is closed. Made by `Run.open`."""

    def __init__(self, plan: Plan, directory: RuntimeDirectory, file: RunFile, since: datetime) -> None:
        self.plan = plan
        self.directory = directory
        self.places: dict[Replica, Place] = {}
        self.gateway: str | None = None
        """Where the gateway listens, as ``http://127.0.0.1:8000``."""
        self.nats: OwnNats | None = None
        """The NATS server of this run, if it needs one."""
        self._file = file
        self._since = since
        self._identity = ProcessIdentity.own()
        self._sockets = contextlib.ExitStack()

    @classmethod
    @contextlib.contextmanager
    def open(cls, plan: Plan, clock: Clock) -> Generator[Run]:
        """Claim the topology and bind its sockets; at the end remove them and the file.

        Raises ConfigurationError if the topology runs already, a socket can't be bound, or the run needs a NATS server
        and there is no program for it.
        """
        directory = RuntimeDirectory.make()
        file = RunFile(plan.app.home, plan.topology)
        sweeper = Sweeper(directory, file)
        run = cls(plan, directory, file, clock.now())
        try:
            file.claim(run._record(lambda _: None))
            run._bind()
            (directory.path / _OUTLINE).write_bytes(Outline.of(plan).encode())
            file.write(run._record(lambda _: None))
            yield run
        finally:
            file.remove(directory.path)
            run._sockets.close()
            directory.remove()
            sweeper.dismiss()

    @property
    def replicas(self) -> tuple[Replica, ...]:
        """Everything that runs: each replica of a process, and the NATS server if there is one."""
        return (*self.places, *(() if self.nats is None else (self.nats.replica,)))

    def publish(self, status: Callable[[Replica], Status]) -> None:
        """Write what runs now to the file, given what each replica does."""
        self._file.write(self._record(status))

    def _bind(self) -> None:
        for process in self.plan.processes:
            gateway = None
            if process.gateway is not None:
                gateway = self._sockets.enter_context(_listen(process.gateway.listen))
                host, port, *_ = gateway.getsockname()
                reached = from_here(TcpAddress(host, port))
                assert isinstance(reached, TcpAddress)
                self.gateway = http_url(reached)
            for number, address in enumerate(process.addresses(self.directory.path)):
                wire = self._sockets.enter_context(_listen(process.listens_here or address))
                self.places[Replica(process.name, number)] = Place(str(address), wire, gateway)
        if self.plan.needs_nats:
            app, taken = self.plan.app, [process.name for process in self.plan.processes]
            self.nats = OwnNats(self.directory.path, app.home, app.name, taken, app.events.sync)

    def _record(self, status: Callable[[Replica], Status | None]) -> RunRecord:
        services = {process.name: process.services for process in self.plan.processes}
        places = {replica: place.address for replica, place in self.places.items()}
        if self.nats is not None:
            places[self.nats.replica] = self.nats.address
        return RunRecord(
            application=self.plan.application,
            topology=self.plan.topology,
            supervisor=self._identity,
            since=self._since,
            runtime_directory=str(self.directory.path),
            replicas=tuple(
                _replica_record(replica, services.get(replica.process, ()), address, status(replica))
                for replica, address in places.items()
            ),
            gateway=self.gateway,
        )


def outline_of(run_directory: Path) -> Outline:
    """Return what the processes of a run are told of the services of the others. Raises OSError if the run is over."""
    return Outline.decode((run_directory / _OUTLINE).read_bytes())


def _replica_record(replica: Replica, services: tuple[str, ...], address: str, status: Status | None) -> ReplicaRecord:
    return ReplicaRecord(
        process=replica.process,
        replica=replica.number,
        services=services,
        address=address,
        state="starting" if status is None else status.state,
        pid=None if status is None else status.pid,
        since=None if status is None else status.since,
        restarts=0 if status is None else status.restarts,
    )


def _listen(address: Address) -> socket.socket:
    match address:
        case UnixAddress(path):
            return listen_unix(Path(path))
        case TcpAddress(host, port):
            return listen_tcp(host, port)
        case _:
            raise AssertionError(f"a plan places nothing at {address}")
