"""A host runs one process of a plan: its services, the wire that they are called over, and the gateway.

It is told everything: the plan, which process of it this is, where the others are, on which sockets to listen. So one
host is enough for a container, a child of the supervisor, and a test.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, final

from msgspec.structs import replace

from freestone.call import (
    Address,
    Bulkheads,
    Dispatcher,
    Endpoint,
    LocalTransport,
    Network,
    Pool,
    Proof,
    Resolver,
    Server,
    SocketNetwork,
    Transport,
    UnixAddress,
    Watch,
    WireTransport,
    resolver_of,
)
from freestone.clock import Clock, Random, SystemClock, SystemIds, system_random
from freestone.cluster import NatsConnection
from freestone.contract import contract_of, fingerprint
from freestone.errors import ConfigurationError, Mistake
from freestone.service import Settings
from freestone.wire import Hello

from .background import Background, Worker
from .binder import Binder, Surroundings
from .control import CONTROL, ControlService
from .discovery import Discovery
from .entrance import Opened
from .environment import Environment
from .events import Events, embedded, invalidations, jetstream, part_of_process, relays, sharing
from .interposer import Interposer
from .leases import databases_besides, in_nats
from .lifecycle import Lifecycle
from .listening import Common, Listening
from .local import Near
from .plan import ExternalRoute, LocalRoute, PeerRoute, Plan
from .rendezvous import Rendezvous
from .resources import Publishing, Resources
from .schedules import schedules_of

if TYPE_CHECKING:
    from freestone.events import Partitions

C = TypeVar("C")

_PATIENCE: Final = 5.0
"""Seconds for which the start waits for a server of databases that is not there, as while that is started again: less
than it costs to start the process anew, again and again."""


@final
class Host:
    """One process of a plan. Start it once, stop it once."""

    def __init__(
        self,
        plan: Plan,
        process: str,
        replica: int = 0,
        *,
        settings: Mapping[str, Settings] | None = None,
        peers: Mapping[str, Sequence[Endpoint]] | None = None,
        near: Near = LocalTransport,
        clock: Clock | None = None,
        random: Random | None = None,
        interposer: Interposer | None = None,
        discover: bool = False,
    ) -> None:
        """Prepare a process; nothing is made or opened yet.

        ``settings`` are those of its services, by name; ``peers`` are where the replicas of the other processes are
        found, by name; ``near`` makes the transport to a service of the same process; ``interposer`` stands between it
        and those that it calls; ``discover`` is whether it announces itself and finds others as ``[discovery]`` says,
        because somebody else has placed them. Raises ConfigurationError if the plan has no process of that name, or
        something has to be looked up and what does that is not installed; or if it needs a certificate, and its files
        can't be used.
        """
        self.plan = plan
        self.process = plan.process(process)
        self.replica = replica
        clock, random = clock or SystemClock(), random or system_random()
        app = plan.app
        hello = Hello(
            application=plan.application,
            process=self.process.name,
            instance=SystemIds(clock, random).new(),
            services={name: fingerprint(contract_of(app.services[name].cls)) for name in self.process.services},
        )
        self._near = near
        self._bulkheads = Bulkheads(app.policies)
        self._interposer = interposer
        self._resolvers: list[Resolver] = []
        self._rendezvous: Rendezvous | None = None
        self._nats: NatsConnection | None = None
        resolver = (
            self._resolver(peers or {})
            if not discover or app.discovery is None
            else self._discover(app.discovery, hello, peers or {})
        )
        proof = self._proof(peers or {})
        self._pool = Pool(
            hello,
            resolver,
            random=random,
            limits=app.limits,
            network=self._network(SocketNetwork(proof), partial(_process_at, resolver, tuple(peers or {}))),
        )
        self._external = {
            name: Pool(
                replace(hello, application=spec.application or plan.application, services={}),
                self._resolver({name: spec.at}),
                random=random,
                limits=app.limits,
                network=self._network(
                    SocketNetwork(None if spec.plaintext else proof),
                    lambda _, name=name: name,  # type: ignore[misc]
                ),
                any_process=True,
            )
            for name, spec in app.externals.items()
        }
        """A pool for each of somebody else's services; it says the name of the application that it means."""
        part = part_of_process(plan, self.process)
        services = {name: app.services[name].cls for name in self.process.services}
        migrates = app.environment is not Environment.PRODUCTION
        resources = Resources(
            app.data,
            clock,
            _publishing(plan),
            migrates=migrates,
            keys=app.keys,
            urls=app.urls,
            connections=app.connections,
            makes_roles=migrates,
            durability=app.durability,
            patience=_PATIENCE,
            leases=app.leases,
            nats=self._connection(hello) if in_nats(services, app.leases) else None,
        )
        watch = Watch(refuses=app.environment is Environment.DEVELOPMENT)
        surroundings = Surroundings(
            resources,
            resources.leases,
            settings or {},
            clock,
            random,
            databases_besides(services, app.leases, part.besides),
            watch,
        )
        self._binder = Binder(app.kept_by, self._transport, surroundings)
        control = ControlService(self.process.name, replica, self.process.services, clock)
        self._binder.dispatcher.add(CONTROL, control, essential=True)
        self._lifecycle = Lifecycle(services, self._binder)
        network = SocketNetwork(proof, plaintext=self.process.plaintext)
        self._server = Server(self._binder.dispatcher, hello, limits=app.limits, network=network, serving=app.serving)
        self._gateway: Opened | None = None
        self.background = Background()
        """What runs besides the services; add to it before ``start``."""
        if part:
            ids = SystemIds(clock, random)
            keep, workers = app.events.keep, list[Worker]()
            shared: Mapping[str, Partitions] = {}
            if plan.broker == "embedded":
                broker, partitions = embedded(part, services, resources, keep, clock, ids), 1
            else:
                broker = jetstream(
                    self._connection(hello), plan.application, app.events, ids, announces=bool(part.publishing)
                )
                partitions, alone = app.events.partitions, self.process.replicas == 1
                shared = sharing(part, services, resources, partitions, hello.instance, clock, alone=alone)
                workers += relays(part, services, resources, broker, shared, app.events, clock, random, alone=alone)
            listening = Listening(
                {name: [(it.subscription, it.source) for it in app.services[name].subscriptions] for name in services},
                services,
                self._binder.instances,
                resources.database,
                broker,
                Common(plan.application, hello.instance, partitions, app.events.remember, clock, random),
                shared,
            )
            far = {source: kept for source, kept in part.kept.items() if source.service in app.externals}
            if far and plan.broker == "embedded":
                nats = jetstream(self._connection(hello), plan.application, app.events, ids, announces=False)
                hearing = invalidations(far, nats, app.events.partitions, clock, random)
                self.background.add(Events(nats, hearing))
            else:
                far = {}
            near_by = {source: kept for source, kept in part.kept.items() if source not in far}
            workers += invalidations(near_by, broker, partitions, clock, random)
            self.background.add(Events(broker, [*workers, listening]))
        scheduling = schedules_of(plan.application, services, self._binder.instances, resources.database, clock, random)
        if scheduling is not None:
            self.background.add(scheduling)

    @property
    def dispatcher(self) -> Dispatcher:
        """The operations that are served here."""
        return self._binder.dispatcher

    @property
    def address(self) -> str | None:
        """Where the gateway is reached, as ``http://127.0.0.1:8000``; None where this process has none open."""
        return None if self._gateway is None else self._gateway.address

    def client(self, contract: type[C]) -> C:
        """Return a client of a contract that this process keeps or calls. Raises ConfigurationError for others."""
        client: C = self._binder.client(contract)
        return client

    async def start(self, wire: Sequence[socket.socket | Address] = (), gateway: socket.socket | None = None) -> None:
        """Make and start the services, then what runs in the background, then serve the wire and open the gateway.

        Raises StartError if a service does not start, OSError if an address can't be had. What was started is stopped
        then.
        """
        try:
            if self._nats is not None:
                await self._nats.start()
            await asyncio.gather(*(resolver.start() for resolver in self._resolvers))
            await self._lifecycle.start()
            await self.background.start()
            listening = [await self._server.listen(where) for where in wire]
            if self._rendezvous is not None:
                await self._rendezvous.announce(listening)
            if gateway is not None and self.process.gateway is not None:
                entrance = self.process.gateway.entrance
                clients = {contract: self._binder.client(contract) for contract in entrance.needs}
                self._gateway = await entrance.open(clients, gateway, self.plan.app.deadlines.default)
        except BaseException:
            await self.stop(0)
            raise

    async def stop(self, seconds: float) -> None:
        """Drain: let in nobody new, let what is under way finish for that many seconds, then stop the services."""
        async with AsyncExitStack() as steps:  # the last one pushed is done first, and each whatever the others raise
            if self._nats is not None:
                steps.push_async_callback(self._nats.close)
            steps.push_async_callback(self._lifecycle.stop)
            for resolver in self._resolvers:
                steps.push_async_callback(resolver.close)
            for pool in (self._pool, *self._external.values()):
                steps.push_async_callback(pool.close)
            steps.push_async_callback(self.background.stop, seconds)
            steps.push_async_callback(self._server.drain, seconds)
            if self._rendezvous is not None:
                steps.push_async_callback(self._rendezvous.leave)
            if self._gateway is not None:
                steps.push_async_callback(self._gateway.close, seconds)
                self._gateway = None

    def _resolver(self, endpoints: Mapping[str, Sequence[Endpoint]]) -> Resolver:
        resolver = resolver_of(endpoints, self.plan.app.nameservers)
        self._resolvers.append(resolver)
        return resolver

    def _discover(self, discovery: Discovery, hello: Hello, peers: Mapping[str, Sequence[Endpoint]]) -> Resolver:
        discovered = [process.name for process in self.plan.processes if process.discovered]
        known = {name: endpoints for name, endpoints in peers.items() if name not in discovered}
        others = resolver_of(known, self.plan.app.nameservers)
        self._rendezvous = Rendezvous(self._connection(hello), discovery, hello, discovered, others)
        self._resolvers.append(self._rendezvous)
        return self._rendezvous

    def _connection(self, hello: Hello) -> NatsConnection:
        """Return the connection to NATS of this process. There is one, whatever it is for."""
        if self.plan.app.nats is None:
            needs = " and ".join(self.plan.nats_carries)
            problem = f"it needs NATS for its {needs}, and nothing says where that is"
            advice = 'write [nats] url = "nats://…", or start all processes with freestone run, which brings one'
            raise ConfigurationError(
                [Mistake(f"process {self.process.name}", problem, advice, str(self.plan.app.path))]
            )
        if self._nats is None:
            self._nats = NatsConnection(self.plan.app.nats, f"{hello.application} {hello.process}")
        return self._nats

    def _network(self, network: Network, process_at: Callable[[Address], str]) -> Network:
        return network if self._interposer is None else self._interposer.network(network, process_at)

    def _proof(self, peers: Mapping[str, Sequence[Endpoint]]) -> Proof | None:
        """Return what this process proves itself with; None if it speaks over Unix sockets alone."""
        app = self.plan.app
        called = [at for name in self.process.peers for at in peers.get(name, ())]
        if self._rendezvous is not None:
            called.extend(at for name in self.process.peers if (at := self.plan.process(name).listen) is not None)
        for service, route in self.process.routes.items():
            if isinstance(route, ExternalRoute) and not app.externals[service].plaintext:
                called.extend(route.at)
        if app.tls is None or all(isinstance(at, UnixAddress) for at in (*called, self.process.listen) if at):
            return None
        return app.tls.credentials(app.name, self.process.name)

    def _transport(self, service: str, caller: str) -> Transport:
        return self._bulkheads.around(self._way(service, caller), service)

    def _way(self, service: str, caller: str) -> Transport:
        policies = self.plan.app.policies
        route = self.process.routes.get(service)
        if route is None and service in self.process.services:
            route = LocalRoute()
        match route:
            case LocalRoute():
                process = self.process.name
                transport = self._near(self._binder.dispatcher, service, policies)
            case PeerRoute(process):
                transport = WireTransport(self._pool, process, service, policies)
            case ExternalRoute() | None:
                process = service
                transport = WireTransport(self._external[service], service, service, policies)
        if self._interposer is None:
            return transport
        return self._interposer.transport(caller, service, process, transport, policies.deadlines)


def _publishing(plan: Plan) -> Publishing:
    events = plan.app.events
    return Publishing(plan.application, events.format, events.partitions if plan.broker == "nats" else 1)


def _process_at(resolver: Resolver, processes: Sequence[str], address: Address) -> str:
    """Return which of the processes has a replica at the address."""
    return next((name for name in processes if address in resolver.resolve(name)), str(address))
