"""What a host gives to services as their own, where the application keeps its data."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from freestone.clock import Clock
from freestone.contract import contract_of
from freestone.errors import ConfigurationError, Mistake
from freestone.events import Source

from .binder import Resource
from .broker import Format
from .data import DataUrls
from .leases import LeaseSettings

if TYPE_CHECKING:
    from freestone.cluster import NatsConnection
    from freestone.data import Database, Durability
    from freestone.events import Publisher
    from freestone.lease import Leases


@final
@dataclass(frozen=True, slots=True)
class Publishing:
    """What all publishers of a process have in common."""

    application: str = "local"
    """Whose events they are."""
    format: Format = "json"
    """How fields are written."""
    partitions: int = 1
    """Into how many the log of the broker is divided."""


@final
class Resources:
    """Makes the resources of services, which keep files in a directory, one a service.

    A service has one database, however many attributes use it. Its migrations are in the folder ``migrations`` beside
    the module of the service's class; ``clock`` is the time of its leases, by default the machine's. ``migrates`` is
    whether they are applied when it is opened; otherwise a database that lacks some is refused. ``keys`` is for how
    many seconds it is kept what a command came to.
    ``urls`` are where databases are that are in no file, with at most so many ``connections`` each; ``makes_roles`` is
    whether a service's role and schema in a shared one are made if they are missing; ``patience`` is for how many
    seconds a start waits for a server that is not there. ``leases`` says where those are that services take, and
    ``nats`` is the connection that they need if some are there.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock | None = None,
        publishing: Publishing | None = None,
        *,
        migrates: bool = True,
        keys: float | None = None,
        urls: DataUrls | None = None,
        connections: int = 10,
        makes_roles: bool = False,
        durability: Durability = "full",
        patience: float = 0.0,
        leases: LeaseSettings | None = None,
        nats: NatsConnection | None = None,
    ) -> None:
        self._directory = directory
        self._urls = urls or DataUrls()
        self._connections = connections
        self._makes_roles = makes_roles
        self._durability: Durability = durability
        self._patience = patience
        self._clock = clock
        self._migrates = migrates
        self._keys = keys
        self._publishing = publishing or Publishing()
        self._leases = leases or LeaseSettings()
        self._nats = nats
        self._databases: dict[str, Database] = {}
        self._publishers: dict[str, Publisher] = {}

    def __call__(self, service: str, cls: type[Any], kind: str) -> Resource:
        """Return a resource of that kind. Raises ConfigurationError for a kind that there is not."""
        if kind == "database":
            return self.database(service, cls)
        if kind == "publisher":
            return self.publisher(service, cls)
        raise ConfigurationError(
            [Mistake(f"service {service}", f"it needs a {kind}, which this host can't give", "ask for a Database")]
        )

    @property
    def application(self) -> str:
        """Whose events the publishers announce."""
        return self._publishing.application

    def leases(self, service: str, cls: type[Any]) -> Leases:
        """Return the leases that the service takes: of names of its own, wherever they are."""
        if self._leases.of(service) == "database":
            return self.database(service, cls).leases
        from freestone.cluster import NatsLeases
        from freestone.lease import Leases

        assert self._nats is not None, "the host connects where leases are in NATS"
        store = NatsLeases(self._nats, self.application, scope=service, replicas=self._leases.replicas)
        return Leases(store, self._clock, refuse=partial(self._refuse_lease, service))

    def _refuse_lease(self, service: str, lease: str) -> None:
        """Hold leases in NATS to the rule of those in a database, where the service has one."""
        if service in self._databases:
            self._databases[service].refuse_lease(lease)

    def database(self, service: str, cls: type[Any]) -> Database:
        """Return the service's database, which is the same at each call."""
        found = self._databases.get(service)
        if found is None:
            migrations = Path(inspect.getfile(cls)).parent / "migrations"
            found = self._databases[service] = self._database(service, migrations)
        return found

    def _database(self, service: str, migrations: Path) -> Database:
        # SQLAlchemy is imported only where a service has a database.
        from freestone.data import KEEP_KEYS, Database, Share

        share: Share | None = None
        where: str | Path = self._directory / f"{service}.db"
        if (own := self._urls.services.get(service)) is not None:
            where = own.reveal()
        elif self._urls.shared is not None:
            where = self._urls.shared.reveal()
            share = Share(service, self._makes_roles)
        return Database.open(
            where,
            migrations,
            name=service,
            share=share,
            connections=self._connections,
            clock=self._clock,
            migrates=self._migrates,
            keys=KEEP_KEYS if self._keys is None else self._keys,
            durability=self._durability,
            patience=self._patience,
        )

    def publisher(self, service: str, cls: type[Any]) -> Publisher:
        """Return the service's publisher, which is the same at each call; its database is there, declared or not."""
        from freestone.events import JSON, MSGPACK, Publisher

        found = self._publishers.get(service)
        if found is None:
            how = self._publishing
            found = self._publishers[service] = Publisher(
                self.database(service, cls),
                contract=contract_of(cls),
                source=Source(how.application, service),
                partitions=how.partitions,
                content_type=JSON if how.format == "json" else MSGPACK,
                clock=self._clock,
            )
        return found
