"""An application: what its file says, with the classes that the file names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, final

from freestone.call import Deadlines, Endpoint, Nameserver, Policies, Serving, TcpAddress
from freestone.cluster import NatsSettings
from freestone.contract import Contract, type_name
from freestone.events import Source, Subscription
from freestone.service import Settings
from freestone.wire import Limits

from .broker import EventSettings
from .data import DataUrls
from .discovery import Discovery
from .entrance import Entrance
from .environment import Environment
from .leases import LeaseSettings, takes_leases
from .reach import Tls
from .topology import Topology

if TYPE_CHECKING:
    from freestone.data import Durability


@final
@dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """What a service hears, and whose event it is."""

    subscription: Subscription
    source: Source

    @property
    def type(self) -> str:
        """What the event is called between services: ``catalog.PathRetired``."""
        return type_name(self.source.service, self.subscription.event)


@final
@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service that the application runs."""

    name: str
    cls: type[Any]
    contract: type[Contract]
    dependencies: Mapping[str, Any]
    """What its constructor takes: attribute by type."""
    calls: Mapping[str, str] = field(default_factory=dict[str, str])
    """Those of the dependencies that are contracts: attribute by the name of the service that keeps it."""
    settings: type[Settings] | None = None
    """The record of its settings, if it has one."""
    subscriptions: tuple[SubscriptionSpec, ...] = ()
    """The events that it hears."""

    @property
    def publishes(self) -> bool:
        """Whether it announces events."""
        return any(getattr(kind, "__freestone_resource__", "") == "publisher" for kind in self.dependencies.values())

    @property
    def takes_leases(self) -> bool:
        """Whether it takes some."""
        return takes_leases(self.cls)


@final
@dataclass(frozen=True, slots=True)
class ExternalSpec:
    """A service that somebody else runs."""

    name: str
    contract: type[Contract]
    at: tuple[Endpoint, ...]
    application: str = ""
    """The name of the application that runs it; empty if it is this one."""
    plaintext: bool = False
    """Whether it is called without TLS, though this application has certificates."""


@final
@dataclass(frozen=True, slots=True)
class GatewaySpec:
    """What lets the outside in."""

    entrance: Entrance
    listen: TcpAddress
    """Where it serves HTTP; port 0 is any free one."""
    calls: tuple[str, ...] = ()
    """The names of the services that it calls."""


@final
@dataclass(frozen=True, slots=True)
class App:
    """An application, checked: every name in it leads somewhere."""

    name: str
    path: Path
    """Its file."""
    services: Mapping[str, ServiceSpec]
    """The services that it runs by name, each after those that it calls. A process of a run knows its own alone."""
    externals: Mapping[str, ExternalSpec] = field(default_factory=dict[str, ExternalSpec])
    elsewhere: Mapping[type[Contract], str] = field(default_factory=dict[type[Contract], str])
    """The name of the service that keeps each contract, for those that another process knows."""
    gateway: GatewaySpec | None = None
    topologies: Mapping[str, Topology] = field(default_factory=dict[str, Topology])
    """The topologies by name, the default first."""
    environment: Environment = Environment.DEVELOPMENT
    """What it is run for."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """The settings that stand in the file, by service."""
    home: Path = Path(".freestone")
    """Where runs keep their state."""
    data: Path = Path(".freestone/data")
    """The directory of the services' databases that are in files."""
    urls: DataUrls = field(default_factory=DataUrls)
    """Where those are that are not."""
    connections: int = 10
    """How many connections a service of a process has to PostgreSQL at most."""
    keys: float = 24 * 3600.0
    """Seconds for which it is kept what a command came to, so that its repetitions are known."""
    durability: Durability = "full"
    """What a commit in them promises; with ``"normal"`` a power loss takes the last ones."""
    secrets: Path = Path("/run/secrets")
    """The directory of the secret files."""
    python_gc: bool = False
    """Whether processes keep Python's own settings of the garbage collector."""
    policies: Policies = field(default_factory=Policies)
    """What holds for calls."""
    discovery: Discovery | None = None
    """How processes that others have placed are discovered; None if their places are written down."""
    nameservers: tuple[Nameserver, ...] = ()
    """Those that know the names at which processes are found; empty if it is those of the machine."""
    serving: Serving = field(default_factory=Serving)
    """What each process takes on at a time."""
    limits: Limits = field(default_factory=Limits)
    """What a connection between two processes puts up with."""
    tls: Tls | None = None
    """With what processes prove who they are; None if they do not."""
    nats: NatsSettings | None = None
    """Where NATS is; None if nobody has said so."""
    events: EventSettings = field(default_factory=EventSettings)
    """How events are kept, and by whom they are carried."""
    leases: LeaseSettings = field(default_factory=LeaseSettings)
    """Where leases are."""

    @property
    def deadlines(self) -> Deadlines:
        """How long calls may take."""
        return self.policies.deadlines

    @property
    def directory(self) -> Path:
        """Where its file is."""
        return self.path.parent

    @property
    def default_topology(self) -> str:
        """The name of the topology that runs when none is named: the file's first."""
        return next(iter(self.topologies))

    @property
    def kept_by(self) -> Mapping[type[Contract], str]:
        """The name of the service that keeps each contract, somebody else's included."""
        own = {spec.contract: spec.name for spec in self.services.values()}
        external = {spec.contract: spec.name for spec in self.externals.values()}
        return MappingProxyType({**own, **external, **self.elsewhere})
