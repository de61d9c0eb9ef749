"""What becomes of an event that a subscription was given: it is handled, or it is kept for later.

Both are one transaction with the row of the inbox, under the lease of the event's partition. So whichever process was
given it, and however often, one of the two happens once.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Final, final

from freestone.call import Backoff
from freestone.clock import Clock, Random
from freestone.data import Transaction, fence
from freestone.lease import LeaseLost, StaleToken
from freestone.signals import SIGNALS, EventAbsorbed, EventFailed, EventHandled, EventSetAside, EventWaits

from .aside import TRANSITIONS, Happening, State, after_failure, wait
from .bell import Bell
from .envelope import Envelope
from .handling import Handling, Known
from .inbox import Inbox
from .kept import Failure, Kept, Shelf
from .partitions import Partitions
from .subscription import Subscription

_log = logging.getLogger("freestone.events")

_DUE_AT_ONCE: Final = 100
"""Keys that are woken at a time."""
_SORTED_AT_ONCE: Final = 100
"""Kept events that are given another partition in one transaction."""
_LONG: Final = 60.0
"""Seconds until more is due, where nothing is."""

_AGAIN: Final = Backoff(0.1, 5.0)


@final
class Intake:
    """Where the events of one subscription go."""

    def __init__(
        self,
        subscription: Subscription,
        handling: Handling,
        inbox: Inbox,
        partitions: Partitions,
        clock: Clock,
        random: Random,
    ) -> None:
        self.name = subscription.name
        self.kept = Bell()
        """Rings when an event was kept, and may be due soon."""
        self._subscription = subscription
        self._handling = handling
        self._inbox = inbox
        self._database = inbox.database
        self._partitions = partitions
        self._clock = clock
        self._random = random
        self._shelf = Shelf(subscription.name, subscription.on_failure)
        self._clear = False
        """Whether it is known that nothing is kept."""
        self._changes = 0
        """What was known before one of these is not known after it."""

    def forget(self) -> None:
        """Suppose nothing of what is kept: another process may have kept something."""
        self._clear = False
        self._changes += 1

    def look_again(self) -> None:
        """Look at what is kept: somebody has changed it."""
        self.forget()
        self.kept.ring()

    async def take(self, envelope: Envelope, partition: int, blocked: bool | None) -> bool:
        """Handle an event that was read, or keep it. Return whether later events of its key must wait.

        ``blocked`` is whether it must wait itself, None if nobody knows. Raises StaleToken or LeaseLost if the
        partition is another process's now."""
        if blocked is None:
            blocked = await self._blocks(envelope.subject)
        if blocked:
            return await self._put_behind(envelope, partition)

        async def record(transaction: Transaction) -> None:
            await self._fence(transaction, partition)
            if not await self._inbox.take(transaction, envelope.id):
                raise Known(envelope.id)

        begun = self._clock.monotonic()
        try:
            failure = await self._handling.run(envelope, record)
        except Known:
            self._absorbed(envelope)
            return False
        if failure is None:
            self._handled(envelope, 1, begun)
            return False
        return await self._put_aside(envelope, partition, failure)

    async def retry(self, key: str, partition: int) -> bool:
        """Handle the events of a key that are kept and due, until one fails. Return whether later ones must wait."""
        while True:
            async with self._database.separate("the events aside", read_only=True) as transaction:
                kept = await self._shelf.head(transaction, key, self._clock.now())
                if kept is None:
                    return await self._shelf.blocks(transaction, key)
            if not await self._retry_one(kept, partition):
                return await self._blocks(key)

    async def due(self, held: Collection[int], *, repair: bool) -> tuple[Sequence[tuple[str, int]], float]:
        """Return the keys of which something is due, each with its partition, and the seconds until more is.

        ``repair`` has it looked too whether an event waits that has nothing before it, or is in no partition.
        """
        changes = self._changes
        if self._clear:
            return (), _LONG
        if repair:
            await self._repair()
        now = self._clock.now()
        async with self._database.separate("the events aside", read_only=True) as transaction:
            if await self._shelf.is_empty(transaction):
                self._clear = changes == self._changes
                return (), _LONG
            found = await self._shelf.due(transaction, held, now, _DUE_AT_ONCE)
            soonest = await self._shelf.next_due(transaction, held, now)
        return found, _LONG if soonest is None else max(0.0, (soonest - now).total_seconds())

    async def _retry_one(self, kept: Kept, partition: int) -> bool:
        """Handle an event that was kept. Whether the next of its key may be tried."""
        envelope = kept.envelope

        async def record(transaction: Transaction) -> None:
            await self._fence(transaction, partition)
            if not await self._shelf.settle(transaction, kept, self._clock.now()):
                raise Known(envelope.id)

        begun = self._clock.monotonic()
        try:
            failure = await self._handling.run(envelope, record)
        except Known:  # somebody has dropped it meanwhile
            self._absorbed(envelope)
            return True
        if failure is None:
            self._handled(envelope, kept.tries + 1, begun)
            return True
        tries = kept.tries + 1
        state, seconds = self._after(kept.state, tries, failure)

        async def fail(transaction: Transaction, now: datetime) -> bool:
            await self._shelf.fail(transaction, kept, state, now, seconds, failure)
            return True

        await self._persist(partition, fail)
        self._failed(envelope, tries, state, seconds, failure)
        return state is State.ASIDE and self._subscription.on_failure == "skip"

    async def _put_behind(self, envelope: Envelope, partition: int) -> bool:
        """Keep an event that must wait for others of its key."""

        async def put(transaction: Transaction, now: datetime) -> bool:
            if not await self._inbox.take(transaction, envelope.id):
                return False
            await self._shelf.keep(transaction, envelope, State.WAITING, now)
            return True

        if await self._persist(partition, put):
            if SIGNALS.observed:
                SIGNALS.announce(EventWaits(self.name, envelope.id, envelope.subject))
        else:
            self._absorbed(envelope)
        return True

    async def _put_aside(self, envelope: Envelope, partition: int, failure: Failure) -> bool:
        """Keep an event that has failed. Return whether later ones of its key must wait."""
        state, seconds = self._after(None, 1, failure)

        async def put(transaction: Transaction, now: datetime) -> bool:
            if not await self._inbox.take(transaction, envelope.id):
                return False
            await self._shelf.keep(transaction, envelope, state, now, wait=seconds, tries=1, failure=failure)
            return True

        if not await self._persist(partition, put):
            self._absorbed(envelope)
            return await self._blocks(envelope.subject)
        self._failed(envelope, 1, state, seconds, failure)
        return state is State.RETRYING or self._subscription.on_failure == "wait"

    def _after(self, before: State | None, tries: int, failure: Failure) -> tuple[State, float]:
        """Return what an event is after a failure, and the seconds until it is tried again, if it is."""
        happening = after_failure(tries, self._subscription.tries, rejected=failure.rejected)
        state = TRANSITIONS[before, happening]
        assert state is not None
        if happening is Happening.GAVE_UP:
            return state, 0.0
        return state, wait(tries, self._subscription.backoff, self._random.random())

    async def _persist(self, partition: int, work: Callable[[Transaction, datetime], Awaitable[bool]]) -> bool:
        """Do what keeps an event, under the partition's lease, as often as it takes for the database to be there."""

        async def whole() -> bool:
            transaction = self._database.current()
            await self._fence(transaction, partition)
            return await work(transaction, self._clock.now())

        failures = 0
        while True:
            try:
                done = await self._database.transact(whole)
            except (StaleToken, LeaseLost):
                raise
            except Exception as error:
                failures += 1
                delay = _AGAIN.delay(failures, self._random)
                _log.warning("%s can't keep an event, and tries it again in %.1f s: %s", self.name, delay, error)
                await self._clock.sleep(delay)
            else:
                self.forget()
                self.kept.ring()
                return done

    async def _repair(self) -> None:
        async def work() -> int:
            transaction, now = self._database.current(), self._clock.now()
            keys = await self._shelf.stranded(transaction, _DUE_AT_ONCE)
            for key in keys:
                await self._shelf.reach(transaction, key, now)
            return await self._shelf.sort_anew(transaction, self._partitions.count, _SORTED_AT_ONCE)

        while await self._database.transact(work) == _SORTED_AT_ONCE:
            pass

    async def _fence(self, transaction: Transaction, partition: int) -> None:
        """Refuse what is written for a partition that is another process's. Raises LeaseLost or StaleToken."""
        lease = self._partitions.held.get(partition)
        if lease is None:
            raise LeaseLost(f"partition {partition} is not this process's any more", lease=f"events/{partition}")
        await fence(transaction, lease.name, lease.token, own=True)

    async def _blocks(self, key: str) -> bool:
        if self._clear:
            return False
        async with self._database.separate("the events aside", read_only=True) as transaction:
            return await self._shelf.blocks(transaction, key)

    def _absorbed(self, envelope: Envelope) -> None:
        if SIGNALS.observed:
            SIGNALS.announce(EventAbsorbed(self.name, envelope.id))

    def _handled(self, envelope: Envelope, tries: int, begun: float) -> None:
        if SIGNALS.observed:
            seconds = self._clock.monotonic() - begun
            SIGNALS.announce(EventHandled(self.name, envelope.id, envelope.subject, tries, seconds))

    def _failed(self, envelope: Envelope, tries: int, state: State, seconds: float, failure: Failure) -> None:
        what = f"{self.name}: {envelope.type} {envelope.id} of {envelope.subject!r}"
        if state is State.ASIDE:
            _log.error("%s is set aside after try %d: %s\n%s", what, tries, failure.error, failure.trace)
            if SIGNALS.observed:
                SIGNALS.announce(EventSetAside(self.name, envelope.id, envelope.subject, tries, failure.error))
            return
        _log.warning("%s failed, and is tried again in %.1f s: %s", what, seconds, failure.error)
        if SIGNALS.observed:
            SIGNALS.announce(EventFailed(self.name, envelope.id, envelope.subject, tries, seconds, failure.error))
