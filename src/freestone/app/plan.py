"""A plan: what each process of a topology holds, whom it calls, and how it reaches them. Pure; it does nothing.

The host runs one process of a plan, the supervisor runs all of them, and both read here all that they need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import final

from freestone.call import Address, Endpoint, TcpAddress
from freestone.errors import ConfigurationError, Mistake
from freestone.service import meant

from .address import from_here, replica_address
from .app import App, GatewaySpec
from .broker import BrokerKind
from .leases import in_nats
from .topology import Process, Topology
from .topology import cut_everywhere as cut_everywhere_topology
from .topology import monolith as monolith_topology


@final
@dataclass(frozen=True, slots=True)
class LocalRoute:
    """The service is in the same process."""


@final
@dataclass(frozen=True, slots=True)
class PeerRoute:
    """The service is in another process of the application."""

    process: str


@final
@dataclass(frozen=True, slots=True)
class ExternalRoute:
    """The service is run by somebody else, at these addresses."""

    at: tuple[Endpoint, ...]


Route = LocalRoute | PeerRoute | ExternalRoute


@final
@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One process: what it holds and whom it calls."""

    name: str
    services: tuple[str, ...]
    """Its services in the order in which they start: each after those that it calls."""
    replicas: int
    """How many run, side by side; they are numbered from 0."""
    gateway: GatewaySpec | None
    """The gateway, where this is the process that lets the outside in."""
    listen: Address | None
    """Where it speaks the wire; None is a Unix socket a replica, chosen by who runs it."""
    discovered: bool
    """Whether it says itself where it is, when somebody else has placed it."""
    at: tuple[Endpoint, ...]
    """Where processes on other machines find it; none if that is where it listens."""
    plaintext: bool
    """Whether it is meant that others reach it without TLS."""
    routes: Mapping[str, Route]
    """How each service is reached that is called from here, by the service's name."""
    stage: int
    """When it is drained: lower ones first, each before those that it calls. They start in any order."""

    @property
    def peers(self) -> tuple[str, ...]:
        """The other processes of the application that it calls."""
        return tuple(dict.fromkeys(route.process for route in self.routes.values() if isinstance(route, PeerRoute)))

    def addresses(self, run_directory: Path) -> tuple[Address, ...]:
        """Return where processes on this machine reach its replicas, in their order.

        ``run_directory`` has the sockets of this run. Raises ConfigurationError when their path is too long.
        """
        if self.listens_here is None:
            return tuple(replica_address(run_directory, self.name, replica) for replica in range(self.replicas))
        return (from_here(self.listens_here),)

    @property
    def listens_here(self) -> Address | None:
        """Where it speaks the wire in a run on this machine; a socket that is chosen, if its place is elsewhere."""
        return None if self.at or self.discovered else self.listen

    def endpoints(self, run_directory: Path) -> tuple[Endpoint, ...]:
        """Return where its replicas are reached if each process was placed by somebody else, on whichever machine."""
        return self.at or self.addresses(run_directory)


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """An application, placed."""

    app: App
    topology: str
    processes: tuple[ProcessPlan, ...]

    @property
    def application(self) -> str:
        """The application's name."""
        return self.app.name

    @property
    def broker(self) -> BrokerKind | None:
        """Who carries the events of the application, so placed; None if it has none."""
        services = self.app.services.values()
        if not any(spec.publishes or spec.subscriptions for spec in services):
            return None
        foreign = any(it.source.application != self.app.name for spec in services for it in spec.subscriptions)
        alone = not foreign and len(self.processes) == 1 and self.processes[0].replicas == 1
        return self.app.events.broker or ("embedded" if alone else "nats")

    @property
    def leasing(self) -> tuple[str, ...]:
        """The services that take leases."""
        return tuple(name for name, spec in self.app.services.items() if spec.takes_leases)

    @property
    def nats_carries(self) -> tuple[str, ...]:
        """What of the application is in NATS: ``"events"``, ``"leases"``."""
        leases = in_nats({name: spec.cls for name, spec in self.app.services.items()}, self.app.leases)
        return (*(("events",) if self.broker == "nats" else ()), *(("leases",) if leases else ()))

    @property
    def needs_nats(self) -> bool:
        """Whether something is in NATS, and the file does not say where that is."""
        return bool(self.nats_carries) and self.app.nats is None

    def process(self, name: str) -> ProcessPlan:
        """Return a process by its name. Raises ConfigurationError, naming those that there are."""
        for process in self.processes:
            if process.name == name:
                return process
        names = [process.name for process in self.processes]
        advice = meant(name, names, f"processes of {self.topology}")
        raise ConfigurationError([Mistake(self.application, f'{self.topology} has no process "{name}"', advice)])

    def holder(self, service: str) -> ProcessPlan:
        """Return the process that holds a service. Raises LookupError if none does, as for somebody else's."""
        for process in self.processes:
            if service in process.services:
                return process
        raise LookupError(f"no process of {self.topology} holds {service}")


def plan(app: App, topology: str | None = None) -> Plan:
    """Place an application as a topology says; without a name, as its default topology does.

    Raises ConfigurationError for an unknown topology, naming those that there are.
    """
    name = app.default_topology if topology is None else topology
    if name not in app.topologies:
        advice = meant(name, app.topologies, "topologies")
        raise ConfigurationError([Mistake(app.name, f'there is no topology "{name}"', advice, str(app.path))])
    return place(app, app.topologies[name])


def monolith(app: App) -> Plan:
    """Place everything in one process, whatever the application's file says."""
    return place(app, monolith_topology(tuple(app.services), app.gateway is not None))


def cut_everywhere(app: App) -> Plan:
    """Place each service in a process of its own, and the gateway in one more, whatever the file says."""
    return place(app, cut_everywhere_topology(tuple(app.services), app.gateway is not None))


def place(app: App, topology: Topology) -> Plan:
    """Place an application as a topology says, in which each of its services is placed once.

    Of an application as one process knows it, the other processes have their places and are empty.
    """
    holders = {service: process.name for process in topology.processes for service in process.services}
    routes = {process.name: _routes(app, process, holders) for process in topology.processes}
    stages = _stages(routes)
    processes = tuple(
        ProcessPlan(
            name=process.name,
            services=tuple(service for service in app.services if service in process.services),
            replicas=process.replicas,
            gateway=app.gateway if process.gateway else None,
            listen=process.listen,
            discovered=_is_discovered(app, process),
            at=process.at,
            plaintext=process.plaintext,
            routes=MappingProxyType(routes[process.name]),
            stage=stages[process.name],
        )
        for process in topology.processes
    )
    return Plan(app, topology.name, processes)


def _is_discovered(app: App, process: Process) -> bool:
    return app.discovery is not None and not process.at and isinstance(process.listen, TcpAddress)


def _routes(app: App, process: Process, holders: Mapping[str, str]) -> dict[str, Route]:
    called: dict[str, None] = {}
    if process.gateway and app.gateway is not None:
        called.update(dict.fromkeys(app.gateway.calls))
    for service in process.services:
        if service in app.services:
            called.update(dict.fromkeys(app.services[service].calls.values()))
    return {service: _route(app, process.name, service, holders) for service in called}


def _route(app: App, process: str, service: str, holders: Mapping[str, str]) -> Route:
    if service in app.externals:
        return ExternalRoute(app.externals[service].at)
    holder = holders[service]
    return LocalRoute() if holder == process else PeerRoute(holder)


def _stages(routes: Mapping[str, Mapping[str, Route]]) -> dict[str, int]:
    """Return the stage of each process: it comes after all that call it, however indirectly.

    Services never call in a circle, but processes that hold several may; those of a circle share a stage.
    """
    reached = {name: _reached(name, routes) for name in routes}
    stages: dict[str, int] = {}
    stage = 0
    while remaining := [name for name in routes if name not in stages]:
        ready = [
            name
            for name in remaining
            if all(other in reached[name] for other in remaining if other != name and name in reached[other])
        ]
        stages.update(dict.fromkeys(ready, stage))
        stage += 1
    return stages


def _reached(start: str, routes: Mapping[str, Mapping[str, Route]]) -> set[str]:
    """Return the processes that calls from one process lead to, directly or through others."""
    reached: set[str] = set()
    front = [start]
    while front:
        for route in routes[front.pop()].values():
            if isinstance(route, PeerRoute) and route.process not in reached:
                reached.add(route.process)
                front.append(route.process)
    return reached
