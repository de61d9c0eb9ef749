"""The relay of a service: what is in its outbox goes to the broker.

The replicas of the service share its partitions, each of which one of them relays, under a lease. A relay is woken by
each commit: of this process at once, of others where the database passes on what they tell. It looks now and then
besides, more often where nobody can tell it. A row is marked only when the broker has acknowledged it; whoever dies
between the two leaves an event that is sent again, under the same id.

A relay that is stopped for longer than its lease, and then goes on, does no harm. It sends the events of a key in their
order, from one on before which all were acknowledged; so what it still sends, another has sent before, or sends after
it in the same order, and the broker, or the inbox of each subscriber, knows it by its id.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, final

from freestone.clock import Clock, Random, SystemClock, SystemIds, system_random
from freestone.errors import ServiceError, Unavailable
from freestone.signals import (
    SIGNALS,
    EventRefused,
    EventsAcknowledged,
    EventsLeaving,
    EventsRemoved,
    EventsWaiting,
    RelayDelayed,
)  # fmt: skip

from .backlog import Backlog, Pending, Slice
from .bell import rung_within
from .broker import Broker
from .outbox import Outbox
from .partitions import SECONDS, Partitions
from .waiting import Waiting

_log = logging.getLogger("freestone.events")

MOST_WAITING: Final = 1_000_000
"""Events that may wait for the broker unless somebody says otherwise; beyond them, the service's commands that publish
are refused."""
_AT_ONCE: Final = 256
"""Events that are sent in one go. They may have 256 KiB each."""
_AT_MOST: Final = 64 * _AT_ONCE
"""Events that are looked at to find one that is not held back."""
_COUNTED: Final = 2.0
"""Seconds between two looks at how many wait."""
_FINISH: Final = 5.0
"""Seconds that what is being sent of a partition may take before it is another process's."""
_FIRST: Final = 60.0
"""Seconds after the start until old events are removed, for a process may not live for an hour."""
_OFTEN: Final = 3600.0
"""The most seconds between two times that old events are removed."""


@final
class Relay:
    """Carries the events of one outbox to a broker, as a worker of its process."""

    def __init__(
        self,
        outbox: Outbox,
        broker: Broker,
        *,
        keep: float,
        poll: float = 5.0,
        unheard: float | None = None,
        seconds: float = SECONDS,
        shared: Partitions | None = None,
        most: int = MOST_WAITING,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        """``keep`` is for how many seconds events are kept, ``poll`` how often it looks though nobody has rung, and
        ``unheard`` how often while other processes can't tell it of theirs, by default as often; ``seconds`` how long
        the lease of a partition lasts, ``shared`` the partitions if the service's subscriptions work on them too, and
        ``most`` how many events may wait.
        """
        self._outbox = outbox
        self._broker = broker
        self._keep = keep
        self._poll = poll
        self._unheard = poll if unheard is None else unheard
        self._most = most
        self._clock = clock or SystemClock()
        self._random = random or system_random()
        self._waiting = Waiting(outbox)
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._sending = asyncio.Lock()
        self._leaving: set[int] = set()
        """Partitions that are this process's for another moment, of which nothing more is sent."""
        self._partitions = shared or Partitions(
            outbox.database, outbox.partitions, SystemIds(self._clock, self._random).new(), self._clock, seconds=seconds
        )
        self._partitions.let(self, outbox.bell.ring)

    def __repr__(self) -> str:
        return f"<Relay of {self._service}>"

    @property
    def mine(self) -> Slice:
        """The partitions that this one relays now, of all that have the outbox."""
        return Slice(self._partitions.count, frozenset(self._partitions.held) - self._leaving)

    @property
    def _service(self) -> str:
        return self._outbox.source.service

    async def start(self) -> None:
        """Begin to relay what becomes this process's."""
        await self._waiting.start()
        self._outbox.listen()
        self._tasks = [asyncio.create_task(self._live()), asyncio.create_task(self._count())]
        await self._partitions.start(self)

    async def stop(self, seconds: float) -> None:
        """Send what waits, for that many seconds at most, and end."""
        self._stopping.set()
        self._outbox.bell.ring()
        if self._tasks:
            working, counting = self._tasks
            counting.cancel()
            await asyncio.wait([working], timeout=seconds)
            working.cancel()
            await asyncio.wait(self._tasks)
        await self._partitions.stop(self)

    async def leave(self, partition: int) -> None:
        """Let what is being sent of a partition arrive, for a moment, before it is another process's."""
        self._leaving.add(partition)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FINISH), self._sending:
                pass

    def lose(self, partition: int) -> None:
        """Send nothing more of it. What is under way does no harm."""
        self._leaving.discard(partition)

    async def _live(self) -> None:
        backlog, due = Backlog(), self._clock.monotonic() + min(_FIRST, self._keep / 10)
        while True:
            rung, last = self._outbox.bell.listen(), self._stopping.is_set()
            try:
                if not await self._round(backlog):
                    return
                now = self._clock.monotonic()
                if now >= due and 0 in self.mine.partitions:  # of several relays one does
                    due = now + min(_OFTEN, self._keep / 10)
                    await self._remove()
            except Exception as error:  # whatever it is: what was not marked is sent again
                _log.warning("the relay of %s was interrupted, and begins again: %s", self._service, error)
                _log.debug("where", exc_info=error)
                await rung_within(self._stopping, 1.0)
            if last:  # what has committed before the stop is sent
                return
            await rung_within(rung, self._pause(backlog))

    def _pause(self, backlog: Backlog) -> float:
        """Return after how many seconds to look though nobody has rung."""
        poll = self._poll if self._outbox.database.notices.is_connected else self._unheard
        now = self._clock.monotonic()
        due = backlog.next(now)
        return poll if due is None else min(poll, max(0.01, due - now))

    async def _round(self, backlog: Backlog) -> bool:
        """Send all that can be sent now. Returns whether to go on: not if the process stops and the broker is away.

        Each look begins with the first row that waits. What has committed since the last look may have a lower number
        than what was sent then, and what has committed after that, of the same key, a higher one.
        """
        while chosen := await self._choose(backlog):
            if not await self._send(chosen, backlog) and self._stopping.is_set():
                return False
        return True

    async def _choose(self, backlog: Backlog) -> Sequence[Pending]:
        """Return what is sent next: of one look, for two looks are of two moments."""
        limit = _AT_ONCE
        while True:
            now, mine = self._clock.monotonic(), self.mine
            if not mine.partitions:
                return ()
            rows = await self._waiting.first(backlog.held(now), limit, mine)
            chosen = backlog.choose(rows, now, mine)
            if chosen or len(rows) < limit or limit >= _AT_MOST:
                return chosen[:_AT_ONCE]
            limit *= 4  # all of these are held back, more keys than a query can leave out

    async def _send(self, rows: Sequence[Pending], backlog: Backlog) -> bool:
        """Send events, and note that they are sent. Returns False, some time later, if the broker is away."""
        async with self._sending:
            error = await self._publish(rows)
            if error is None:
                backlog.accept(row.envelope.subject for row in rows)
                await self._waiting.mark(rows, self._clock.now())
        if error is None:
            return True
        if isinstance(error, Unavailable):
            seconds = backlog.away(self._random.random())
            if SIGNALS.observed:
                SIGNALS.announce(RelayDelayed(self._service, seconds, error))
            _log.warning("the events of %s wait for the broker: %s", self._service, error)
            await rung_within(self._stopping, seconds)
            return False
        if len(rows) > 1:  # which of them it was is found out one by one
            return await self._one_by_one(rows, backlog)
        self._refused(rows[0], backlog, error)
        return True

    async def _one_by_one(self, rows: Sequence[Pending], backlog: Backlog) -> bool:
        held: set[str] = set()
        for row in rows:
            if row.envelope.subject in held:
                continue
            if not await self._send([row], backlog):
                return False
            held = set(backlog.held(self._clock.monotonic()))
        return True

    async def _publish(self, rows: Sequence[Pending]) -> ServiceError | None:
        """Give events to the broker. Return what it says instead of taking them."""
        if SIGNALS.observed:
            SIGNALS.announce(EventsLeaving(self._service, len(rows)))
        try:
            await self._broker.publish([row.envelope for row in rows])
        except ServiceError as error:
            return error
        if SIGNALS.observed:
            SIGNALS.announce(EventsAcknowledged(self._service, len(rows)))
        return None

    def _refused(self, row: Pending, backlog: Backlog, error: ServiceError) -> None:
        envelope = row.envelope
        seconds = backlog.refuse(envelope.subject, self._clock.monotonic(), self._random.random())
        if SIGNALS.observed:
            SIGNALS.announce(EventRefused(self._service, envelope.id, envelope.subject, seconds, error))
        _log.error(
            "the broker refuses the event %s (%s) of %s, and the later ones of its key wait for it: %s",
            envelope.id, envelope.type, envelope.subject, error,
        )  # fmt: skip

    async def _remove(self) -> None:
        removed = await self._waiting.trim(self._clock.now() - timedelta(seconds=self._keep))
        if removed and SIGNALS.observed:
            SIGNALS.announce(EventsRemoved(self._service, removed))

    async def _count(self) -> None:
        """Look how many wait, for ever, and have the outbox refuse more when it is full."""
        while True:
            try:
                count = await self._waiting.count(self._most)
            except Exception as error:
                _log.warning("the outbox of %s can't be looked at just now: %s", self._service, error)
            else:
                self._note(count)
            await self._clock.sleep(_COUNTED)

    def _note(self, count: int) -> None:
        full = count if count >= self._most else 0
        if bool(full) == bool(self._outbox.full):
            self._outbox.full = full
            return
        self._outbox.full = full
        if SIGNALS.observed:
            SIGNALS.announce(EventsWaiting(self._service, count, full=bool(full)))
        if full:
            _log.error("%d events of %s wait for the broker: no more are taken", count, self._service)
        else:
            _log.warning("the outbox of %s takes events again", self._service)
