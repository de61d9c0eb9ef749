"""The events of one process: who carries them, and what its services have for that besides what they declare."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

from freestone.clock import Clock, Ids, Random
from freestone.cluster import NatsConnection
from freestone.contract import Contract, Operation, contract_of, contract_of_event, operations, type_name
from freestone.errors import ConfigurationError, Mistake
from freestone.events import Broker, Source, subscriptions
from freestone.service import dependencies

from .background import Worker
from .broker import BrokerKind, EventSettings
from .plan import Plan, ProcessPlan
from .resources import Resources

if TYPE_CHECKING:
    from freestone.events import Partitions

Kept: TypeAlias = Mapping[Source, tuple[Operation, ...]]
"""Whose events make results old that clients keep, and results of which operations."""

_POLL: Final = 5.0
"""Seconds after which a relay looks for events though nobody has told it of any."""
_POLL_UNHEARD: Final = 0.5
"""The same, while another process may write them that can't tell it: it has the same file, or what it tells is lost."""


@final
@dataclass(frozen=True, slots=True)
class Part:
    """What the services of a process have to do with events, by name."""

    publishing: tuple[str, ...] = ()
    """Those that have an outbox: they announce events, or others here hear theirs."""
    listening: tuple[str, ...] = ()
    """Those that hear some."""
    kept: Kept = field(default_factory=dict[Source, tuple[Operation, ...]])
    """What clients of the process keep until events come."""

    @property
    def besides(self) -> Mapping[str, Sequence[str]]:
        """The kinds of resources that services have, whether they declare them or not."""
        return {
            **dict.fromkeys(self.listening, ("database",)),
            **dict.fromkeys(self.publishing, ("database", "publisher")),
        }

    def __bool__(self) -> bool:
        return bool(self.publishing or self.listening or self.kept)


def part_of(services: Mapping[str, type[Any]], heard: Iterable[str] = (), kept: Kept | None = None) -> Part:
    """Return what the services of a process have to do with events; ``heard`` are those whose events others hear."""
    heard = set(heard)
    return Part(
        tuple(name for name, cls in services.items() if name in heard or _publishes(cls)),
        tuple(name for name, cls in services.items() if subscriptions(cls)),
        kept or {},
    )


def kept_among(application: str, services: Mapping[str, type[Any]]) -> Kept:
    """Return what clients of services of one process keep until events come of those that announce some."""
    announcing = {Source(application, name): contract_of(cls) for name, cls in services.items() if _publishes(cls)}
    return _kept(announcing)


def part_of_process(plan: Plan, process: ProcessPlan) -> Part:
    """Return what the services of a process of a plan have to do with events.

    Raises ConfigurationError if the broker is embedded, and a service hears one that runs elsewhere.
    """
    mistakes: list[Mistake] = []
    heard: set[str] = set()
    for name in process.services:
        for spec in plan.app.services[name].subscriptions:
            source = spec.source
            if source == Source(plan.application, source.service) and source.service in process.services:
                heard.add(source.service)
            elif plan.broker == "embedded":
                problem = f"it hears {spec.type}, and {source.service} does not run in the process {process.name}"
                advice = 'place both in one process, or set broker = "nats" under [events]'
                mistakes.append(Mistake(f"service {name}, {spec.subscription.method}", problem, advice))
    kept = kept_in_process(plan, process)
    if _broker(plan) == "embedded":
        mistakes += _out_of_reach(kept, process, plan.app.externals)
    if mistakes:
        raise ConfigurationError(mistakes)
    return part_of({name: plan.app.services[name].cls for name in process.services}, heard, kept)


def kept_in_process(plan: Plan, process: ProcessPlan) -> Kept:
    """Return what clients of a process of a plan may keep until events come, of whomever it holds or calls.

    Somebody else's events are heard where the file says where NATS is; elsewhere what is kept has its time. Whether a
    service announces events is not known of one that this process does not hold: then it is as if it did.
    """
    app = plan.app
    contracts = {name: contract for contract, name in app.kept_by.items()}
    found: dict[Source, type[Contract]] = {}
    for name in dict.fromkeys((*process.services, *process.routes)):
        if name in app.externals:
            external = app.externals[name]
            if app.nats is not None:
                found[Source(external.application or app.name, name)] = external.contract
        elif app.services[name].publishes if name in app.services else _broker(plan) is not None:
            found[Source(app.name, name)] = contracts[name]
    return _kept(found)


def _broker(plan: Plan) -> BrokerKind | None:
    """Return who carries the events of an application, also if this process has none of its own."""
    return plan.broker or plan.app.events.broker


def _kept(contracts: Mapping[Source, type[Contract]]) -> Kept:
    found = {
        source: tuple(it for it in operations(contract).values() if it.options.until)
        for source, contract in contracts.items()
    }
    return {source: kept for source, kept in found.items() if kept}


def _out_of_reach(kept: Kept, process: ProcessPlan, externals: Collection[str]) -> Iterable[Mistake]:
    """Yield what the embedded broker can't tell a process: what happens to services that run elsewhere."""
    for source, operations_ in kept.items():
        if source.service in process.services or source.service in externals:
            continue
        for operation in operations_:
            types = " and ".join(type_name(source.service, event) for event in operation.options.until)
            problem = f"it keeps results of {source.service}.{operation.name} until {types}, and does not hear it"
            advice = f'place {source.service} in it too, or set broker = "nats" under [events]'
            yield Mistake(f"process {process.name}", problem, advice)


def heard_among(services: Mapping[str, type[Any]], kept_by: Mapping[type[Contract], str]) -> set[str]:
    """Return the services whose events some of them hear. Raises ConfigurationError for those that nobody keeps."""
    mistakes: list[Mistake] = []
    heard: set[str] = set()
    for name, cls in services.items():
        for subscription in subscriptions(cls):
            contract = contract_of_event(subscription.event)
            if contract in kept_by:
                heard.add(kept_by[contract])
            else:
                problem = f"it hears {subscription.event.__name__}, and no service keeps {contract.__name__}"
                mistakes.append(Mistake(f"service {name}, {subscription.method}", problem, "give one that does"))
    if mistakes:
        raise ConfigurationError(mistakes)
    return heard


def embedded(
    part: Part, services: Mapping[str, type[Any]], resources: Resources, keep: float, clock: Clock, ids: Ids
) -> Broker:
    """Return the broker on the outboxes of this process."""
    from freestone.events import EmbeddedBroker, Log

    logs = [Log(resources.publisher(name, services[name]).outbox, ids) for name in part.publishing]
    return EmbeddedBroker(logs, keep=keep, clock=clock)


def jetstream(
    connection: NatsConnection, application: str, settings: EventSettings, ids: Ids, *, announces: bool
) -> Broker:
    """Return the broker in NATS; ``announces`` is whether this process publishes, or only listens."""
    from freestone.events.drivers import JetStreamBroker, StreamSettings

    stream = StreamSettings(
        replicas=settings.replicas,
        storage=settings.storage,
        keep=settings.keep,
        max_bytes=settings.max_bytes,
        duplicate_window=settings.duplicate_window,
    )
    return JetStreamBroker(
        connection,
        application,
        stream,
        partitions=settings.partitions,
        announces=announces,
        remember=settings.remember,
        ids=ids,
    )


def sharing(
    part: Part,
    services: Mapping[str, type[Any]],
    resources: Resources,
    partitions: int,
    instance: str,
    clock: Clock,
    *,
    alone: bool,
) -> Mapping[str, Partitions]:
    """Return the partitions of each service's events, which its relay and its subscriptions have in common.

    ``instance`` is this process, unlike any other; ``alone`` is whether no replica has the same services.
    """
    from freestone.events import Partitions

    found: dict[str, Partitions] = {}
    for name in sorted({*part.publishing, *part.listening}):
        # A relay that shares with nobody does with one lease, which costs an eighth of eight to keep. While another
        # number of replicas takes over, two relay the same, and the broker absorbs what comes twice.
        count = 1 if alone and name not in part.listening else partitions
        found[name] = Partitions(resources.database(name, services[name]), count, instance, clock)
    return found


def relays(
    part: Part,
    services: Mapping[str, type[Any]],
    resources: Resources,
    broker: Broker,
    shared: Mapping[str, Partitions],
    settings: EventSettings,
    clock: Clock,
    random: Random,
    *,
    alone: bool,
) -> Sequence[Worker]:
    """Return what carries the events of each service to a broker; ``alone`` is whether no replica has the same."""
    from freestone.events import Relay

    unheard = _POLL if alone else _POLL_UNHEARD
    outboxes = {name: resources.publisher(name, services[name]).outbox for name in part.publishing}
    return [
        Relay(
            outbox,
            broker,
            keep=settings.keep,
            poll=_POLL,
            unheard=unheard,
            shared=shared[name],
            most=settings.most_waiting,
            clock=clock,
            random=random,
        )
        for name, outbox in outboxes.items()
    ]


def invalidations(kept: Kept, broker: Broker, partitions: int, clock: Clock, random: Random) -> Sequence[Worker]:
    """Return what has results forgotten when events say that they are old."""
    if not kept:
        return []
    from freestone.events import Invalidation

    return [
        Invalidation(source, operations_, broker=broker, partitions=partitions, clock=clock, random=random)
        for source, operations_ in kept.items()
    ]


@final
class Events:
    """The broker of a process and what works with it, as one worker."""

    def __init__(self, broker: Broker, workers: Sequence[Worker] = ()) -> None:
        self.broker = broker
        self._workers = workers
        self._running = AsyncExitStack()

    async def start(self) -> None:
        """Start the broker, and then what works with it."""
        self._running.push_async_callback(self.broker.close)
        await self.broker.start()
        for worker in self._workers:
            await worker.start()

    async def stop(self, seconds: float) -> None:
        """Stop the workers, the latest first, and then the broker."""
        for worker in self._workers:
            self._running.push_async_callback(worker.stop, seconds)
        await self._running.aclose()


def _publishes(cls: type[Any]) -> bool:
    return any(getattr(kind, "__freestone_resource__", "") == "publisher" for kind in dependencies(cls).values())
