"""A topology: which process holds which services."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import final

from freestone.call import HOW_TO_PROVE, IN_THE_CLEAR, Address, Endpoint, TcpAddress, is_loopback
from freestone.service import meant

from .address import known_address
from .document import Table
from .reach import read_endpoints

MONOLITH = "monolith"
"""The topology that every application has: all in one process."""
CUT_EVERYWHERE = "cut-everywhere"
"""The other one: each service in a process of its own, and the gateway in one more."""

RESERVED = "freestone"
"""The name of the framework's own: no service and no process may have it."""
NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
NAME_RULE = "use lower-case letters and digits, with single dashes or underscores between them"


@final
@dataclass(frozen=True, slots=True)
class Process:
    """One process of a topology, as it is declared."""

    name: str
    services: tuple[str, ...] = ()
    """The names of the services that it holds; ``*`` has become all of them."""
    replicas: int = 1
    """How many run, side by side."""
    gateway: bool = False
    """Whether it lets the outside in."""
    listen: Address | None = None
    """Where it accepts calls; None is a Unix socket that the supervisor chooses."""
    at: tuple[Endpoint, ...] = ()
    """Where processes on other machines find it; none if that is where it listens."""
    plaintext: bool = False
    """Whether it is meant that others reach it without TLS."""


@final
@dataclass(frozen=True, slots=True)
class Topology:
    """One way to place the services of an application in processes."""

    name: str
    processes: tuple[Process, ...]


def monolith(services: Sequence[str], gateway: bool) -> Topology:
    """Return the topology that has everything in one process."""
    return Topology(MONOLITH, (Process("app", tuple(services), gateway=gateway),))


def cut_everywhere(services: Sequence[str], gateway: bool) -> Topology:
    """Return the topology that is cut everywhere."""
    processes = tuple(Process(name, (name,)) for name in services)
    if not gateway:
        return Topology(CUT_EVERYWHERE, processes)
    name = next(name for name in _names_for_gateway() if name not in services)
    return Topology(CUT_EVERYWHERE, (Process(name, gateway=True), *processes))


def read_topologies(
    table: Table,
    services: Sequence[str],
    gateway: bool,
    *,
    discovered: bool = False,
    encrypted: bool = False,
) -> Mapping[str, Topology]:
    """Return the topologies of a file by name, the default first, and the two that every application has last.

    ``services`` are the names of those that the application runs itself, ``gateway`` is whether it has one,
    ``discovered`` whether processes that listen on TCP announce themselves where they run, and ``encrypted`` whether
    its processes prove who they are. Notes everything that is wrong in the table's document.
    """
    found: dict[str, Topology] = {}
    for name, processes in table.tables():
        check_name(table, name, name, "a topology")
        for process in processes:
            check_name(processes, process, process, "a process")
        topology = Topology(
            name, tuple(_read_process(*it, services) for it in processes.tables('write { services = ["*"] }'))
        )
        _check_placement(topology, processes, services, gateway)
        _check_addresses(topology, processes, discovered)
        _check_encryption(topology, processes, encrypted)
        found[name] = topology
    for topology in (monolith(services, gateway), cut_everywhere(services, gateway)):
        found.setdefault(topology.name, topology)
    return MappingProxyType(found)


def check_name(table: Table, key: str, name: str, what: str) -> None:
    """Note, at a key of the table, a name that is not fit for sockets, variables and the wire."""
    if not NAME.fullmatch(name):
        table.note(key, f'"{name}" is no name for {what}', NAME_RULE)
    elif name == RESERVED:
        table.note(key, f'"{RESERVED}" is the name of the framework itself', f"give {what} another name")


def _read_process(name: str, table: Table, services: Sequence[str]) -> Process:
    replicas = table.integer("replicas", 1)
    if replicas < 1:
        table.note("replicas", f"a process has at least 1 replica, not {replicas}")
    listen = None
    if written := table.text("listen"):
        try:
            listen = known_address(written)
        except ValueError as error:
            table.note("listen", str(error))
    process = Process(
        name,
        _read_services(table, services),
        max(replicas, 1),
        table.flag("gateway"),
        listen,
        read_endpoints(table),
        table.flag("plaintext"),
    )
    table.refuse_unknown()
    return process


def _read_services(table: Table, services: Sequence[str]) -> tuple[str, ...]:
    named: list[str] = []
    for name in table.texts("services"):
        if name == "*":
            named.extend(services)
        elif name in services:
            named.append(name)
        else:
            table.note("services", f'there is no service "{name}" to run', meant(name, services, "services"))
    return tuple(named)


def _check_placement(topology: Topology, table: Table, services: Collection[str], gateway: bool) -> None:
    placed = Counter(name for process in topology.processes for name in process.services)
    for name, times in placed.items():
        if times > 1:
            table.note("", f'it places "{name}" {_times(times)}: in {_holders(topology, name)}', "keep one of them")
    left_out = [name for name in services if name not in placed]
    if left_out:
        table.note("", f"it leaves out {', '.join(left_out)}", 'name each service once, or write services = ["*"]')
    gates = [process.name for process in topology.processes if process.gateway]
    if len(gates) > 1:
        table.note("", f"it places the gateway {_times(len(gates))}: in {' and '.join(gates)}", "keep one of them")
    if gateway and not gates:
        table.note("", "it places the gateway nowhere", "write gateway = true in one process")
    for process in topology.processes:
        if process.gateway and not gateway:
            table.table(process.name).note("gateway", "there is no [gateway]", "declare one, or take this line out")
        written = table.get(process.name)
        if not process.services and not process.gateway and isinstance(written, dict) and "services" not in written:
            table.note(process.name, "it holds nothing", 'name its services, or write services = ["*"]')


def _check_addresses(topology: Topology, table: Table, discovered: bool) -> None:
    takers: dict[Address, str] = {}
    for process in topology.processes:
        inner = table.table(process.name)
        if process.listen is None:
            if process.at:
                advice = 'write where it accepts calls, as listen = "tcp://0.0.0.0:7000"'
                inner.note("at", "it is found there, and listens on a Unix socket alone", advice)
            continue
        if process.at or (
            discovered and isinstance(process.listen, TcpAddress)
        ):  # on machines of their own, all of them may listen alike
            continue
        other = takers.setdefault(process.listen, process.name)
        if other != process.name:
            inner.note("listen", f"{other} listens on {process.listen} already")
        if process.replicas > 1:
            advice = "leave out listen, or replicas; or say with at where the replicas on other machines are found"
            inner.note("listen", f"{process.replicas} replicas can't listen on one address", advice)


def _check_encryption(topology: Topology, table: Table, encrypted: bool) -> None:
    for process in topology.processes:
        inner = table.table(process.name)
        if encrypted and process.plaintext:
            inner.note("plaintext", "there is [tls], and it holds for every process", "take one of them out")
        open_to_others = isinstance(process.listen, TcpAddress) and not is_loopback(process.listen.host)
        if open_to_others and not encrypted and not process.plaintext:
            inner.note("listen", IN_THE_CLEAR, HOW_TO_PROVE)


def _holders(topology: Topology, service: str) -> str:
    return " and ".join(process.name for process in topology.processes if service in process.services)


def _times(times: int) -> str:
    return "twice" if times == 2 else f"{times} times"


def _names_for_gateway() -> Iterator[str]:
    yield from ("edge", "gateway")
    number = 2
    while True:
        yield f"edge-{number}"
        number += 1
