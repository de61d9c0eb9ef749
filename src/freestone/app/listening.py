"""The subscriptions of the services of a process, as one of its background workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from freestone.clock import Clock, Random
from freestone.contract import Contract, contract_of_event
from freestone.events import Broker, Source, Subscription, subscriptions

if TYPE_CHECKING:
    from freestone.data import Database
    from freestone.events import Partitions, Subscribers

Heard = Mapping[str, Sequence[tuple[Subscription, Source]]]
"""What each service hears, and from whom."""


@final
@dataclass(frozen=True, slots=True)
class Common:
    """What the subscriptions of a process have in common."""

    application: str
    instance: str
    """This process, unlike any other."""
    partitions: int
    """Into how many the broker's log is divided."""
    remember: float
    """Seconds for which it is remembered that an event was taken in."""
    clock: Clock
    random: Random


def heard_in(application: str, services: Mapping[str, type[Any]], kept_by: Mapping[type[Contract], str]) -> Heard:
    """Return what the services of an application hear, if all that they hear is of this application."""
    return {
        name: [(it, Source(application, kept_by[contract_of_event(it.event)])) for it in subscriptions(cls)]
        for name, cls in services.items()
    }


@final
class Listening:
    """Binds subscriptions to their services when these are made, and has them heard from then on."""

    def __init__(
        self,
        heard: Heard,
        services: Mapping[str, type[Any]],
        instances: Mapping[str, Any],
        database: Callable[[str, type[Any]], Database],
        broker: Broker,
        common: Common,
        shared: Mapping[str, Partitions] | None = None,
    ) -> None:
        """``instances`` are the services by name, once they are made; ``database`` returns a service's; ``shared`` has
        the partitions of those whose relays work on them too.
        """
        self._heard = {name: what for name, what in heard.items() if what}
        self._services = services
        self._instances = instances
        self._database = database
        self._broker = broker
        self._common = common
        self._shared = shared or {}
        self._running: list[Subscribers] = []

    async def start(self) -> None:
        """Begin to hear. Raises Unavailable when a service's database can't be used."""
        from freestone.events import Subscribers  # and with it SQLAlchemy, where something is heard

        common = self._common
        for name, cls in self._services.items():
            if not self._heard.get(name):
                continue
            subscribers = Subscribers(
                Source(common.application, name),
                self._instances[name],
                self._heard[name],
                database=self._database(name, cls),
                broker=self._broker,
                partitions=common.partitions,
                instance=common.instance,
                clock=common.clock,
                random=common.random,
                remember=common.remember,
                shared=self._shared.get(name),
            )
            self._running.append(subscribers)
            await subscribers.start()

    async def stop(self, seconds: float) -> None:
        """Hear nothing more, and let what runs finish for that many seconds."""
        await asyncio.gather(*(subscribers.stop(seconds) for subscribers in self._running))
