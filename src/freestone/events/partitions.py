"""The partitions of a service's events that this process works on: each under a lease in the service's database.

The relay of the service sends the events that it announces of those partitions, and its subscriptions handle those that
they hear of them. Replicas agree by ``shares`` on who should have which, from the beats in ``freestone_member``, and
each takes the leases of its own. One that is to give a partition away finishes what it does there first. One that dies
is noticed by its beat, and its leases are over in their time; what it still writes, should it only have been stopped,
carries a token that is refused. With one partition no members are needed: whoever gets its lease has it.

A partition is lost when another has its lease, not when a renewal is late: on SQLite a handler that takes its time
keeps the renewals out, and would be ended and begun again for ever. Nobody can take the lease meanwhile either, and
whether what it writes counts is decided by the token."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol, final

from sqlalchemy import Column, Integer, Table, Text, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateTable

from freestone.clock import Clock
from freestone.data import METADATA, Database, Part
from freestone.errors import FreestoneError
from freestone.lease import Lease, LeaseLost
from freestone.signals import SIGNALS, PartitionsShared

from .shares import Members, shares

_log = logging.getLogger("freestone.events")

MEMBER: Final = Table(
    "freestone_member",
    METADATA,
    Column("instance", Text, primary_key=True),
    Column("beat", Integer, nullable=False),
)
"""The processes that share the partitions; a beat that stands still is a process that is gone."""

_TABLES: Final = Part("members", (CreateTable(MEMBER),))

SECONDS: Final = 6.0
"""How long a partition's lease lasts: what a process has that died is worked on elsewhere in about this time."""
_AGAIN: Final = 1.0
"""Seconds until a partition is taken again after what should not have happened."""
_BEATS: Final = 6
"""How often a member beats in that time."""


class Tenant(Protocol):
    """What works on partitions: a subscription, a relay."""

    async def leave(self, partition: int) -> None:
        """Finish what is under way in a partition that is about to be another process's."""
        ...

    def lose(self, partition: int) -> None:
        """Stop at once: the partition is this process's no more."""
        ...


@final
class Partitions:
    """Those of one service, in this process."""

    def __init__(
        self, database: Database, count: int, instance: str, clock: Clock, *, seconds: float = SECONDS
    ) -> None:
        """``instance`` is this process, unlike any other; ``seconds`` is how long a lease lasts."""
        self.held: dict[int, Lease] = {}
        """The partitions that are this process's, each with its lease."""
        self.count = count
        """How many there are, those of others included."""
        self._database = database
        self._instance = instance
        self._clock = clock
        self._seconds = seconds
        self._members = Members(instance, seconds)
        self._tenants: list[Tenant] = []
        self._observers: list[Callable[[], None]] = []
        self._unwanted: dict[int, asyncio.Event] = {}
        self._holding: dict[int, asyncio.Task[None]] = {}
        self._beating: asyncio.Task[None] | None = None
        self._users: set[object] = set()

    def let(self, tenant: Tenant, changed: Callable[[], None]) -> None:
        """Have a tenant work on what is held, and called when that changes; what is held now is in ``held``."""
        self._tenants.append(tenant)
        self._observers.append(changed)

    async def start(self, user: object) -> None:
        """Begin to take partitions, unless another user of them has begun."""
        self._users.add(user)
        if len(self._users) > 1:
            return
        if self.count == 1:
            self._want(frozenset((0,)))
            return
        async with self._database.separate("the members") as transaction:
            await transaction.prepare(_TABLES)
        self._beating = asyncio.create_task(self._beat())

    async def stop(self, user: object) -> None:
        """Give up all of them, once no user is left. The tenants of this one have ended their work."""
        self._users.discard(user)
        if self._users:
            return
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
            with contextlib.suppress(FreestoneError):
                await self._write(delete(MEMBER).where(MEMBER.c.instance == self._instance))
        self._want(frozenset())
        await asyncio.gather(*self._holding.values(), return_exceptions=True)

    async def _beat(self) -> None:
        beat = 0
        while True:
            beat += 1
            try:
                beats = await self._look(beat)
                now = self._clock.monotonic()
                living = self._members.look(beats, now)
                for gone in self._members.gone(now):
                    await self._write(delete(MEMBER).where(MEMBER.c.instance == gone))
                shared = shares(range(self.count), living)
                self._want(frozenset(it for it, member in shared.items() if member == self._instance))
            except Exception as error:
                # Whatever it is: what is held stays so for as long as its lease can be renewed.
                _log.warning("who else works on the events of %s is not known now: %s", self._database.name, error)
            await self._clock.sleep(self._seconds / _BEATS)

    async def _look(self, beat: int) -> dict[str, int]:
        """Raise the own beat, and return everybody's."""
        given = insert(MEMBER).values(instance=self._instance, beat=beat)
        await self._write(given.on_conflict_do_update(index_elements=["instance"], set_={"beat": given.excluded.beat}))
        async with self._database.separate("the members", read_only=True) as transaction:
            rows = await transaction.run(lambda session: session.execute(select(MEMBER)))
            return {row.instance: row.beat for row in rows}

    async def _write(self, statement: Any) -> None:
        async def work() -> None:
            await self._database.execute(statement)

        await self._database.transact(work)

    def _want(self, wanted: frozenset[int]) -> None:
        """Take those partitions, and give up all others."""
        for partition in wanted - self._holding.keys():
            self._unwanted[partition] = asyncio.Event()
            task = self._holding[partition] = asyncio.create_task(self._hold(partition))
            task.add_done_callback(partial(self._holds_no_more, partition))
        for partition in self._holding.keys() - wanted:
            self._unwanted[partition].set()
            if partition not in self.held:
                self._holding[partition].cancel()

    def _holds_no_more(self, partition: int, task: asyncio.Task[None]) -> None:
        del self._holding[partition]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("partition %d of %s is given up: %s", partition, self._database.name, error, exc_info=error)

    async def _hold(self, partition: int) -> None:
        """Have the lease of a partition until it is unwanted; take it again whenever it is lost."""
        unwanted = self._unwanted[partition]
        while not unwanted.is_set():
            try:
                name = f"events/{partition}"
                leases = self._database.leases
                async with leases.lease(name, seconds=self._seconds, wait=math.inf, fenced=True) as lease:
                    self._changed(partition, lease)
                    try:
                        await unwanted.wait()
                        for tenant in self._tenants:
                            await tenant.leave(partition)
                    finally:
                        self._changed(partition, None)
            except LeaseLost as error:
                _log.warning("partition %d of %s is lost for now: %s", partition, self._database.name, error)
            except Exception:
                _log.exception("partition %d of %s can't be held just now", partition, self._database.name)
                await self._clock.sleep(_AGAIN)

    def _changed(self, partition: int, lease: Lease | None) -> None:
        if lease is not None:
            self.held[partition] = lease
        else:
            self.held.pop(partition, None)
            for tenant in self._tenants:
                tenant.lose(partition)
        if SIGNALS.observed:
            SIGNALS.announce(PartitionsShared(self._database.name, tuple(sorted(self.held))))
        for changed in self._observers:
            changed()
