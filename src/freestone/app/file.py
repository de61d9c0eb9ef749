"""The application file, ``freestone.toml``, as it is written: nothing is imported to read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, final

from freestone.call import Deadlines, Endpoint, Nameserver, Policies, Serving, TcpAddress
from freestone.cluster import NatsSettings
from freestone.errors import ConfigurationError, Mistake
from freestone.service import meant
from freestone.wire import Limits

from .address import http_address
from .broker import EventSettings, read_events, read_word
from .data import DataEntry, read_data
from .discovery import Discovery, read_discovery, read_nats
from .document import Document, Table
from .leases import LeaseSettings, read_leases
from .policies import read_duration, read_policies
from .reach import Tls, read_endpoints, read_nameservers, read_tls
from .serving import read_serving
from .topology import Topology, check_name, read_topologies
from .wire import read_wire

if TYPE_CHECKING:
    from freestone.data import Durability

FILE_NAME = "freestone.toml"
KEEP_KEYS = 24 * 3600.0
"""Seconds for which it is kept what a command came to, if the file does not say."""
HOME_NAME = ".freestone"
_DURABILITIES: Final[tuple[Durability, ...]] = ("full", "normal")
_GATEWAY_LISTENS = "127.0.0.1:8000"
REFERENCE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
"""How Python objects are named: ``package.module:Name``."""


@final
@dataclass(frozen=True, slots=True)
class ExternalEntry:
    """A service that somebody else runs."""

    contract: str
    """Its contract, as ``payments:Payments``."""
    at: tuple[Endpoint, ...]
    """Where it is found; calls are balanced over several addresses."""
    application: str = ""
    """The name of the application that runs it; empty if it is this one, placed by somebody else."""
    plaintext: bool = False
    """Whether it is called without TLS, though this application has certificates."""


@final
@dataclass(frozen=True, slots=True)
class GatewayEntry:
    """What lets the outside in."""

    app: str
    """The gateway, as ``academy.edge:gateway``."""
    listen: TcpAddress
    """Where it serves HTTP; port 0 is any free one."""


@final
@dataclass(frozen=True, slots=True)
class ApplicationFile:
    """What ``freestone.toml`` says."""

    path: Path
    name: str
    """The name of the application, which the processes of one application tell each other."""
    services: Mapping[str, str]
    """The services that the application runs, by name: the class, as ``academy.catalog.service:CatalogService``."""
    externals: Mapping[str, ExternalEntry]
    """The services that it calls and somebody else runs, by name."""
    gateway: GatewayEntry | None
    topologies: Mapping[str, Topology]
    """The topologies by name, the default first."""
    settings: Mapping[str, Mapping[str, Any]]
    """The values of ``[settings.NAME]``, by service, as TOML has them."""
    home: Path
    """Where runs keep their state: ``.freestone`` beside the file, unless somebody says otherwise."""
    data: DataEntry
    """Where the services' databases are; in the directory ``data`` below ``home`` where the file does not say."""
    keys: float
    """Seconds for which it is kept what a command came to."""
    durability: Durability
    """What a commit promises: ``"full"``, or ``"normal"``, with which a power loss takes the last ones."""
    secrets: Path
    """The directory of the secret files."""
    policies: Policies
    """What holds for calls."""
    python_gc: bool
    """Whether processes keep Python's own settings of the garbage collector."""
    discovery: Discovery | None
    """How processes that others have placed are discovered; None if their places are written down."""
    nameservers: tuple[Nameserver, ...]
    """Those that know the names at which processes are found; empty if it is those of the machine."""
    serving: Serving
    """What each process takes on at a time."""
    limits: Limits
    """What a connection between two processes puts up with."""
    tls: Tls | None
    """With what processes prove who they are; None if they do not."""
    nats: NatsSettings | None
    """Where NATS is; None if nobody has said so."""
    events: EventSettings
    """How events are kept, and by whom they are carried."""
    leases: LeaseSettings
    """Where leases are."""

    @property
    def deadlines(self) -> Deadlines:
        """How long calls may take."""
        return self.policies.deadlines

    @property
    def directory(self) -> Path:
        """Where the file is; its modules are imported from there."""
        return self.path.parent


def find(path: Path | None, cwd: Path) -> Path:
    """Return the application file: at ``path`` (a file, or the directory with one), or else upwards from ``cwd``.

    Raises ConfigurationError when there is none.
    """
    if path is not None:
        candidate = (cwd / path).resolve()
        candidate = candidate / FILE_NAME if candidate.is_dir() else candidate
        if candidate.is_file():
            return candidate
        raise ConfigurationError([Mistake(FILE_NAME, f"there is no file {candidate}")])
    start = cwd.resolve()
    for directory in (start, *start.parents):
        if (directory / FILE_NAME).is_file():
            return directory / FILE_NAME
    raise ConfigurationError(
        [
            Mistake(
                FILE_NAME, f"there is none in {start} or above it", "go to an application's directory, or name its file"
            )
        ]
    )


def read(path: Path, *, home: Path | None = None) -> ApplicationFile:
    """Read an application file without importing what it names. ``home`` is as for ``load``.

    Raises ConfigurationError with everything that is wrong in the file itself.
    """
    document = Document.open(path)
    file = parse(document, home)
    refuse(document.mistakes)
    return file


def refuse(mistakes: list[Mistake]) -> None:
    """Raise ConfigurationError if there are mistakes, each of them once, in the order of their lines."""
    if mistakes:
        raise ConfigurationError(sorted(dict.fromkeys(mistakes), key=lambda mistake: (mistake.file, mistake.line)))


def parse(document: Document, home: Path | None = None) -> ApplicationFile:
    """Return what a document says. What is wrong is noted in the document and left out of the result."""
    root = document.root()
    directory = document.path.parent
    name = _read_name(root)
    services, externals = _read_services(root.table("services"))
    if not services:
        root.note("services", "there are none", 'write NAME = "package.module:Class" for each below [services]')
    declared = "gateway" in root
    gateway = _read_gateway(root.table("gateway")) if declared else None
    nats = read_nats(root, directory)
    discovery = read_discovery(root)
    topologies = read_topologies(
        root.table("topologies"),
        tuple(services),
        declared,
        discovered="discovery" in root,
        encrypted="tls" in root,
    )
    settings = _read_settings(root.table("settings"), services)
    home = home or directory / HOME_NAME
    data_table = root.table("data")
    keys = read_duration(data_table, "keys", KEEP_KEYS)
    durability = read_word(data_table, "durability", _DURABILITIES, "full") or "full"
    data = read_data(data_table, directory, home / "data", services)
    secrets = _read_directory(root.table("secrets"), directory, "/run/secrets")
    python_gc = _read_process(root.table("process"))
    policies = read_policies(root.table("calls"), {*services, *externals})
    nameservers = read_nameservers(root.table("dns"))
    serving = read_serving(root.table("serve"), services)
    limits = read_wire(root.table("wire"))
    events = read_events(root.table("events"), has_servers=nats is not None)
    leases = read_leases(root.table("leases"), services)
    tls = read_tls(root.table("tls"), directory, secrets) if "tls" in root else None
    root.refuse_unknown()
    return ApplicationFile(
        path=document.path,
        name=name,
        services=services,
        externals=externals,
        gateway=gateway,
        topologies=topologies,
        settings=settings,
        home=home,
        data=data,
        keys=keys,
        durability=durability,
        secrets=secrets,
        policies=policies,
        python_gc=python_gc,
        nameservers=nameservers,
        serving=serving,
        limits=limits,
        discovery=discovery,
        tls=tls,
        nats=nats,
        events=events,
        leases=leases,
    )


def _read_name(root: Table) -> str:
    name = root.text("name")
    if "name" not in root:
        root.note("name", "it is missing", 'write name = "…" at the top of the file')
    elif name:
        check_name(root, "name", name, "an application")
    return name


def _read_services(table: Table) -> tuple[Mapping[str, str], Mapping[str, ExternalEntry]]:
    services: dict[str, str] = {}
    externals: dict[str, ExternalEntry] = {}
    for name in table:
        check_name(table, name, name, "a service")
        if isinstance(table.get(name), dict):
            externals[name] = _read_external(table.table(name))
        else:
            services[name] = _reference(table, name, "academy.catalog.service:CatalogService")
    return MappingProxyType(services), MappingProxyType(externals)


def _read_external(table: Table) -> ExternalEntry:
    for key in ("contract", "at"):
        if key not in table:
            table.note(key, "it is missing", 'write { contract = "package:Contract", at = "tcp://host:port" }')
    entry = ExternalEntry(
        _reference(table, "contract", "payments:Payments"),
        read_endpoints(table),
        table.text("application"),
        table.flag("plaintext"),
    )
    table.refuse_unknown()
    return entry


def _read_gateway(table: Table) -> GatewayEntry:
    if "app" not in table:
        table.note("app", "it is missing", 'write app = "package.module:gateway"')
    app = _reference(table, "app", "academy.edge:gateway")
    listen = http_address(_GATEWAY_LISTENS)
    try:
        listen = http_address(table.text("listen") or _GATEWAY_LISTENS)
    except ValueError as error:
        table.note("listen", str(error), 'write it as "127.0.0.1:8000"')
    table.refuse_unknown()
    return GatewayEntry(app, listen)


def _read_settings(table: Table, services: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
    settings: dict[str, Mapping[str, Any]] = {}
    for name, values in table.tables():
        if name in services:
            settings[name] = MappingProxyType(values.values())
        else:
            table.note(name, f'there is no service "{name}" to set', meant(name, services, "services"))
    return MappingProxyType(settings)


def _read_process(table: Table) -> bool:
    python_gc = table.flag("python_gc")
    table.refuse_unknown()
    return python_gc


def _read_directory(table: Table, directory: Path, default: str) -> Path:
    path = directory / table.text("directory", default)
    table.refuse_unknown()
    return path


def _reference(table: Table, key: str, example: str) -> str:
    written = table.text(key)
    if written and not REFERENCE.fullmatch(written):
        table.note(key, f'"{written}" names no object of a module', f'write it as "{example}"')
        return ""
    return written
