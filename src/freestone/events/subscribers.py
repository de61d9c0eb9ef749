"""All subscriptions of one service in one process: what a host starts and stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import final

from freestone.clock import Clock, Random
from freestone.contract import type_name
from freestone.data import Database
from freestone.signals import SIGNALS, SubscriptionVanished

from .broker import Broker, Source
from .handling import Handling
from .inbox import TABLES, began
from .partitions import SECONDS, Partitions
from .subscriber import Subscriber
from .subscription import Subscription

_log = logging.getLogger("freestone.events")


@final
class Subscribers:
    """The subscriptions of a service, at work. A ``Worker`` of the host."""

    def __init__(
        self,
        owner: Source,
        service: object,
        heard: Sequence[tuple[Subscription, Source]],
        *,
        database: Database,
        broker: Broker,
        partitions: int,
        instance: str,
        clock: Clock,
        random: Random,
        remember: float,
        seconds: float = SECONDS,
        shared: Partitions | None = None,
    ) -> None:
        """``owner`` is the ``service`` that hears, with the application it is of; ``heard`` what, and from whom.

        ``partitions`` is into how many the log is divided; ``instance`` this process, unlike any other; ``remember``
        for how many seconds an event is remembered after it was taken in, and ``seconds`` how long a partition's lease
        lasts. ``shared`` are the partitions if the service's relay works on them too.
        """
        self._owner = owner
        self._database = database
        self._names = frozenset(subscription.name for subscription, _ in heard)
        self._partitions = shared or Partitions(database, partitions, instance, clock, seconds=seconds)
        self._subscribers = [
            Subscriber(
                subscription,
                Handling(subscription, owner, getattr(service, subscription.method), database, random),
                source,
                type_name(source.service, subscription.event),
                database=database,
                broker=broker,
                partitions=self._partitions,
                clock=clock,
                random=random,
                remember=remember,
            )
            for subscription, source in heard
        ]

    def __repr__(self) -> str:
        return f"<Subscribers of {self._owner.service}: {', '.join(sorted(self._names))}>"

    async def start(self) -> None:
        """Open the database, and begin to hear."""
        await self._database.start()
        async with self._database.separate("the inbox") as transaction:
            await transaction.prepare(TABLES)
        await self._tell_who_vanished()
        await asyncio.gather(*(subscriber.start() for subscriber in self._subscribers))
        await self._partitions.start(self)

    async def stop(self, seconds: float) -> None:
        """Hear nothing more, let what runs finish for that many seconds, and leave the partitions to others."""
        await asyncio.gather(*(subscriber.stop(seconds) for subscriber in self._subscribers))
        await self._partitions.stop(self)

    async def _tell_who_vanished(self) -> None:
        """Say loudly which subscriptions the database remembers that the code has not: they were perhaps renamed."""
        for known in await began(self._database):
            if known in self._names:
                continue
            _log.warning(
                "%s was subscribed to events as %s, and is no more: what is published since is not handled. If the "
                'method was renamed, say name="%s" in its @subscribe; if it is gone for good, run '
                "`freestone events forget %s.%s`",
                self._owner.service, known, known, self._owner.service, known,
            )  # fmt: skip
            if SIGNALS.observed:
                SIGNALS.announce(SubscriptionVanished(self._owner.service, known))
