"""A subscription at work: reads the log, handles its events, and keeps its place.

    broker ──read──► known? ──► lanes ──► handling ──► committed, with its row in the inbox
                       │          ▲          └─failed─► kept for later, with what waits behind it
                    absorbed      └── due ───────────────┘

What is decided is decided by what is pure (``lanes``, ``watermark``, ``aside``); here it is done. Each piece of work
of a lane is a task. Whatever becomes of it, it ends in one of three ways: the event is handled, it is kept, or this
process has nothing more to say about it, and then the cursor does not pass it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any, Final, final

from freestone.call import Backoff
from freestone.clock import Clock, Random
from freestone.data import Database
from freestone.errors import FreestoneError
from freestone.lease import LeaseLost, StaleToken
from freestone.signals import SIGNALS, EventAbsorbed, EventsMissed, LogReadAgain

from .bell import Bell, rung_within
from .broker import Broker, Cursor, LogLost, LogTrimmed, Recorded, Source
from .columns import to_microseconds
from .envelope import Envelope
from .handling import Handling
from .inbox import TABLES, Began, Inbox, began
from .intake import Intake
from .kept import NOTICE
from .lanes import Lanes, Work
from .partitions import Partitions
from .subscription import Subscription
from .watermark import Watermark

_log = logging.getLogger("freestone.events")

ROOM: Final = 256
"""Events that are held in memory at most, besides those that run."""
_WRITE: Final = 1.0
"""Seconds between two writings of the cursor; what was handled since is absorbed after a crash."""
_LOOK: Final = 2.0
"""Seconds after which it is looked whether something is due, or was changed by somebody else, at the latest."""
_REPAIR: Final = 60.0
"""Seconds between two looks for events that wait for nothing."""
_PURGE: Final = 600.0
"""Seconds between two times that old rows of the inbox are forgotten."""
_SLACK: Final = timedelta(days=1)
"""For how much longer than asked an event is remembered at most; so one that comes again in it need not be noted."""
_AT_ONCE: Final = 500
"""Rows that one statement forgets at most, so that nobody waits long for it."""
_FIRST: Final = 2.0
"""Seconds for which a start waits until it is known where the subscription begins."""
_AGAIN: Final = Backoff(0.1, 5.0)
"""Waits before it is tried again to read, or to handle an event, where the broker or the database is away."""
_SKEW: Final = timedelta(minutes=1)
"""By how much clocks of two machines may differ, where a subscription is told from when an event is."""


@final
class Subscriber:
    """One subscription of a service, in one process."""

    def __init__(
        self,
        subscription: Subscription,
        handling: Handling,
        source: Source,
        kind: str,
        *,
        database: Database,
        broker: Broker,
        partitions: Partitions,
        clock: Clock,
        random: Random,
        remember: float,
    ) -> None:
        """``source`` announces the events, of the type ``kind``; ``remember`` is the seconds that the inbox does."""
        self.subscription = subscription
        self.name = subscription.name
        self._source = source
        self._type = kind
        self._database = database
        self._broker = broker
        self._partitions = partitions
        self._clock = clock
        self._random = random
        self._remember = timedelta(seconds=remember)
        self._slack = min(_SLACK, self._remember / 10)
        self._inbox = Inbox(database, subscription.name, clock, partitions.count)
        self._intake = Intake(subscription, handling, self._inbox, partitions, clock, random)
        self._lanes = Lanes(subscription.concurrency, ROOM)
        self._watermarks: dict[int, Watermark] = {}
        self._written: dict[int, Cursor] = {}
        self._leaving: set[int] = set()
        """Partitions that are this process's for another moment, in which nothing more is begun."""
        self._tasks: dict[asyncio.Task[bool | None], Work] = {}
        self._changed = Bell()
        self._progress = Bell()
        self._since = 0
        self._anew = False
        """Whether a log is read from its beginning by a subscription that did not begin there."""
        self._told = ""
        """Why it has read from the beginning, as the log has it."""
        self._main: asyncio.Task[None] | None = None
        self._stopping = False
        partitions.let(self, self._changed.ring)

    async def start(self) -> None:
        """Begin. It reads once the broker and the database answer, and partitions are this process's.

        A new subscription that hears what is published from now on has begun when this returns, so that nothing is
        missed which the service is called for right after its start; if the broker does not answer, when it does.
        """
        self._database.notices.hear(NOTICE, self._intake.look_again)
        try:
            async with asyncio.timeout(_FIRST):
                await self._begin()
        except (FreestoneError, TimeoutError) as error:
            _log.debug("%s begins later: %s", self.name, error)
        self._main = asyncio.create_task(self._live())

    async def stop(self, seconds: float) -> None:
        """Begin nothing more, let what runs finish for that many seconds, and write down how far it has come."""
        self._stopping = True
        if self._main is not None:
            self._main.cancel()
            await asyncio.gather(self._main, return_exceptions=True)
        self._lanes.drop(tuple(self._watermarks))
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            await _cancelled(late)
        try:
            await self._write_cursors()
        except FreestoneError as error:
            _log.warning("the cursor of %s was not written, and what it has done is absorbed: %s", self.name, error)

    async def leave(self, partition: int) -> None:
        """Finish what is under way in a partition that is about to be another process's."""
        self._leaving.add(partition)
        self._lanes.drop((partition,))
        watermark = self._watermarks.pop(partition, None)  # so that nothing more of it is taken
        running = [task for task, work in self._tasks.items() if work.partition == partition]
        if running:
            await asyncio.wait(running)
        if watermark is not None and watermark.cursor is not None:
            await self._inbox.write({partition: watermark.cursor})

    def lose(self, partition: int) -> None:
        """Stop at once what is under way in a partition that is this process's no more."""
        self._lanes.drop((partition,))
        self._leaving.discard(partition)
        self._watermarks.pop(partition, None)
        self._written.pop(partition, None)
        for task, work in self._tasks.items():
            if work.partition == partition:
                task.cancel()

    async def _live(self) -> None:
        """Read as long as this process does, through whatever fails."""
        failures = 0
        tending = asyncio.create_task(self._tend())
        try:
            while True:
                changed = self._changed.listen()
                try:
                    if self._since == 0:
                        await self._begin()
                    failures = 0
                    held = frozenset(self._partitions.held) - self._leaving
                    if held:
                        await self._read_until(changed, held)
                    else:
                        await changed.wait()
                except Exception as error:
                    failures += 1
                    delay = _AGAIN.delay(failures, self._random)
                    _log.warning("%s could not read on, and tries it again in %.1f s: %s", self.name, delay, error)
                    _log.debug("where", exc_info=error)
                    await self._clock.sleep(delay)
        finally:
            await _cancelled([tending])

    async def _begin(self) -> None:
        """Find out where the subscription began, or have it begin now."""
        async with self._database.separate(f"the subscription {self.name}") as transaction:
            await transaction.prepare(TABLES)
        known = (await began(self._database)).get(self.name)
        if known is None:
            start = await self._broker.end(self._source) if self.subscription.start == "now" else None
            await self._inbox.begin(self._type, self._source, start)
            known = (await began(self._database))[self.name]
        elif (known.type, known.source) != (self._type, self._source):
            known = await self._moved(known)
        self._since = known.since

    async def _moved(self, known: Began) -> Began:
        """A subscription of this name heard something else before: its place means nothing any more."""
        _log.warning(
            "the subscription %s heard %s of %s before, and hears %s of %s now: it begins anew",
            self.name, known.type, known.source.application, self._type, self._source.application,
        )  # fmt: skip
        start = await self._broker.end(self._source) if self.subscription.start == "now" else None
        await self._inbox.begin_anew(self._type, self._source, start)
        return (await began(self._database))[self.name]

    async def _read_until(self, changed: asyncio.Event, held: frozenset[int]) -> None:
        """Read those partitions until which are held has changed."""
        reading = asyncio.create_task(self._read(held))
        waiting = asyncio.create_task(changed.wait())
        try:
            await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
        finally:
            await _cancelled([reading, waiting])

    async def _read(self, held: frozenset[int]) -> None:
        after = await self._place(held)
        while True:
            try:
                async with contextlib.aclosing(
                    self._broker.read(self._source, frozenset((self._type,)), held, after)
                ) as batches:
                    async for batch in batches:
                        await self._take(batch, held)
                return
            except LogLost as error:
                await self._read_again(held, error)
                after = None
            except LogTrimmed as error:
                _log.error("%s has missed events, for they were gone before it had read them: %s", self.name, error)
                if SIGNALS.observed:
                    SIGNALS.announce(EventsMissed(self.name, str(error)))
                after = error.after

    async def _place(self, held: frozenset[int]) -> Cursor | None:
        """Return after what to read: the least that is done, of the partitions that are held."""
        new = held - self._watermarks.keys()
        if new:
            begun = (await began(self._database))[self.name]
            start, self._anew = begun.cursor, begun.cursor is None and begun.from_now
            cursors = await self._inbox.cursors()
            for partition in (new & self._partitions.held.keys()) - self._leaving:
                self._watermarks[partition] = Watermark(cursors.get(partition, start))
        self._intake.forget()
        latest = [self._watermarks[it].latest for it in held if it in self._watermarks]
        known = [it for it in latest if it is not None]
        if len(known) < len(latest) or not known:
            return None
        logs = {it.log for it in known}
        # Of two logs one is lost, and to read from the other's place would skip what came before it there.
        return min(known, key=lambda it: it.position) if len(logs) == 1 else None

    async def _read_again(self, held: frozenset[int], error: LogLost) -> None:
        if str(error) != self._told:
            # Once: each of its partitions that becomes this process's later finds the same.
            self._told = str(error)
            said = "%s reads its events from their beginning, and absorbs what it knows: %s"
            _log.log(logging.INFO if error.moved else logging.ERROR, said, self.name, error)
        if SIGNALS.observed:
            SIGNALS.announce(LogReadAgain(self.name, str(error)))
        begun = (await began(self._database))[self.name]
        await self._inbox.forget(held)
        self._anew = begun.from_now
        self._lanes.drop(held)
        for partition in held & self._partitions.held.keys():
            self._watermarks[partition] = Watermark(None)
            self._written.pop(partition, None)

    async def _take(self, batch: Sequence[Recorded], held: frozenset[int]) -> None:
        """Put events into the lanes, as there is room; absorb those that were taken in before."""
        ids = [it.envelope.id for it in batch if it.envelope is not None]
        known = await self._inbox.known(ids) if ids else dict[str, int]()
        late = to_microseconds(self._clock.now() - self._slack)
        if old := [event for event, taken in known.items() if taken < late]:
            # As after it was sent again: this copy stays in the log for as long as the first one did.
            await self._inbox.remind(old)
        for recorded in batch:
            envelope, cursor = recorded.envelope, recorded.cursor
            if envelope is None:
                self._pass(held, cursor)
                continue
            while not self._lanes.has_room:
                progress = self._progress.listen()
                if self._lanes.has_room:
                    break
                await progress.wait()
            watermark = self._watermarks.get(envelope.partition)
            if watermark is None or not watermark.begin(cursor):
                continue
            if envelope.id in known or self._is_before(envelope):
                watermark.done(cursor)
                if SIGNALS.observed:
                    SIGNALS.announce(EventAbsorbed(self.name, envelope.id))
                continue
            self._lanes.offer(recorded)
            self._run()

    def _pass(self, held: frozenset[int], cursor: Cursor) -> None:
        """Note that up to there nothing is for this subscription."""
        for partition in held:
            watermark = self._watermarks.get(partition)
            if watermark is not None and watermark.begin(cursor):
                watermark.done(cursor)

    def _is_before(self, envelope: Envelope) -> bool:
        """Whether the event is from before the subscription began, in a log that is read again."""
        return self._anew and to_microseconds(envelope.time + _SKEW) < self._since

    def _run(self) -> None:
        """Begin all work that may begin."""
        while not self._stopping and (work := self._lanes.next()) is not None:
            task = asyncio.create_task(self._work(work))
            self._tasks[task] = work
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[bool | None]) -> None:
        """Make room for more; also after work that was cancelled before it took its first step."""
        blocked = None if task.cancelled() else task.result()
        self._lanes.end(self._tasks.pop(task), blocked)
        self._progress.ring()
        self._run()

    async def _work(self, work: Work) -> bool | None:
        """Do a piece of work. Return whether its key is blocked now, None if that is not known."""
        watermark = self._watermarks.get(work.partition)
        failures = 0
        while True:
            try:
                if work.recorded is None:
                    return await self._intake.retry(work.key, work.partition)
                assert work.recorded.envelope is not None
                blocked = await self._intake.take(work.recorded.envelope, work.partition, work.blocked)
                if watermark is not None:
                    watermark.done(work.recorded.cursor)
                return blocked
            except (StaleToken, LeaseLost) as error:
                _log.warning("%s: an event of %s is another process's now: %s", self.name, work.key, error)
                return None
            except Exception as error:  # as when the database is away: there is nowhere to keep the event either
                failures += 1
                delay = _AGAIN.delay(failures, self._random)
                _log.warning("%s: an event of %s waits %.1f s for better times: %s", self.name, work.key, delay, error)
                await self._clock.sleep(delay)

    async def _tend(self) -> None:
        """Write the cursors, look for what is due, and forget what is old, every now and then."""
        written = purged = looked = -math.inf
        while True:
            kept = self._intake.kept.listen()
            try:
                now = self._clock.monotonic()
                if now - written >= _WRITE:
                    written = now
                    await self._write_cursors()
                if self._since and now - purged >= _PURGE:
                    purged = now
                    await self._purge()
                held = self._partitions.held.keys() - self._leaving if self._since else frozenset[int]()
                repair = bool(held) and now - looked >= _REPAIR
                soonest = await self._wake(held, repair=repair) if held else _LOOK
                looked = now if repair else looked
            except Exception as error:
                soonest = _LOOK
                _log.warning("%s could not look after what is kept: %s", self.name, error)
            await rung_within(kept, max(0.01, min(soonest, _WRITE)))

    async def _wake(self, held: Collection[int], *, repair: bool) -> float:
        """Wake the keys of which something is due in those partitions; return the seconds until more is."""
        due, soonest = await self._intake.due(held, repair=repair)
        for key, partition in due:
            if partition in self._partitions.held and partition not in self._leaving:
                self._lanes.wake(key, partition)
        self._run()
        return soonest

    async def _purge(self) -> None:
        before = to_microseconds(self._clock.now() - self._remember - self._slack)
        while await self._inbox.purge(before, _AT_ONCE) == _AT_ONCE:
            await self._clock.sleep(0)

    async def _write_cursors(self) -> None:
        """Write up to where each partition is done, of those that have come further."""
        further = {
            partition: watermark.cursor
            for partition, watermark in self._watermarks.items()
            if watermark.cursor is not None and watermark.cursor != self._written.get(partition)
        }
        if further:
            await self._inbox.write(further)
            self._written.update(further)


async def _cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait for their end."""
    all_of_them = list(tasks)
    for task in all_of_them:
        task.cancel()
    await asyncio.gather(*all_of_them, return_exceptions=True)
