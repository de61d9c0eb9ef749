"""The ticks of one schedule, run in this process when it is their time and this process's turn."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any, final

import msgspec

from freestone.call import Target, invoke
from freestone.clock import Clock, Random
from freestone.contract import Kind, Operation, contract_of
from freestone.data import Database
from freestone.errors import FreestoneError
from freestone.service import Context, deadline
from freestone.signals import SIGNALS, ScheduleAhead, TickFailed, TickRun, TicksLeftOut, TickTakenElsewhere

from .declaration import Schedule
from .due import Due, due, next_try
from .ledger import Ledger, TickSettled
from .turn import SECONDS, turn

_log = logging.getLogger("freestone.schedule")

_LONGEST_SLEEP = 20.0
"""Seconds. The wall clock may be set while we sleep by another one; after this time we look at it again."""
_POLL = SECONDS / 3
"""Seconds after which to look again while another replica runs a tick."""
_LONGEST_PAUSE = 300.0
"""Seconds between two tries of a tick that fails, at most."""
_AHEAD = timedelta(minutes=1)
"""By which the clocks of replicas may differ without a word."""


@final
class Bound(msgspec.Struct, frozen=True):
    """A schedule, and the instance of the service whose method it calls."""

    application: str
    service: str
    instance: Any
    schedule: Schedule
    database: Database

    @property
    def name(self) -> str:
        """What it is called in logs and signals: ``progress.send_weekly_letters``."""
        return f"{self.service}.{self.schedule.name}"


@final
class Ticker:
    """Runs one schedule, beside the tickers of other replicas."""

    def __init__(self, bound: Bound, clock: Clock, random: Random) -> None:
        self.bound = bound
        self._schedule = bound.schedule
        self._clock = clock
        self._random = random
        self._ledger = Ledger(bound.database, bound.schedule.name)
        self._last: datetime | None = None
        self._stopping = asyncio.Event()
        self._warned = False
        self._failures = 0
        self._operation = Operation(
            bound.schedule.method, contract_of(bound.instance), Kind.COMMAND, error_fields={TickSettled: {}}
        )

    def stop(self) -> None:
        """Begin no more. A run that is under way goes on to its end."""
        self._stopping.set()

    async def run(self) -> None:
        """Run what is due, until ``stop``."""
        while not self._stopping.is_set():
            try:
                seconds = await self._step()
                self._failures = 0
            except Exception as error:
                # The database can't be reached, or not just now. Ticks that come meanwhile are missed ones.
                known = isinstance(error, FreestoneError)
                _log.warning(
                    "the schedule %s can't look at its ticks: %s",
                    self.bound.name,
                    error,
                    exc_info=None if known else error,
                )
                seconds = self._pause(self._failures)
                self._failures += 1
            await self._sleep(seconds)

    async def _step(self) -> float:
        """Run the tick that is due, if one is. Return the seconds until there may be something to do."""
        now = self._clock.now()
        if self._last is None:
            self._last = await self._ledger.begin(now)
        if self._due(self._last, now).tick is not None:
            self._last = await self._ledger.last()
        self._tell_if_ahead(self._last, now)
        found = self._due(self._last, now)
        if found.tick is None:
            return await self._idle(found, now)
        wait = (found.tick + self._put_off(found.tick) - now).total_seconds()
        if wait > 0:
            return wait
        leases = self.bound.database.leases.store
        async with turn(leases, f"schedule {self._schedule.name}", self._clock) as ours:
            if not ours:
                return _POLL
            self._last = await self._ledger.last()  # whoever had the turn before may have settled it
            if self._due(self._last, now).tick == found.tick:
                await self._settle(found)
        return 0.0

    def _due(self, last: datetime, now: datetime) -> Due:
        schedule = self._schedule
        return due(schedule.timetable, schedule.missed, last, now, schedule.jitter)

    async def _idle(self, found: Due, now: datetime) -> float:
        if found.left_out:
            if await self._ledger.settle(found.left_out[-1]):
                self._tell_left_out(found)
            self._last = await self._ledger.last()
        return _LONGEST_SLEEP if found.next is None else (found.next - now).total_seconds()

    async def _settle(self, found: Due) -> None:
        """Try a tick until it is settled, or until the next one is due."""
        tick = found.tick
        assert tick is not None
        assert self._last is not None
        self._tell_left_out(found)
        tries = 0
        while not self._stopping.is_set():
            error = await self._try(tick)
            if error is None:
                return
            tries += 1
            now = self._clock.now()
            again = now + timedelta(seconds=self._pause(tries))
            retried_at = next_try(self._schedule.missed, self._schedule.timetable.next_after(now), again)
            self._tell_failed(tick, tries, error, retried_at)
            if retried_at is not None:
                await self._sleep((retried_at - now).total_seconds())
            if retried_at is None or self._due(self._last, self._clock.now()).tick != tick:
                await self._ledger.settle(tick)
                return

    async def _try(self, tick: datetime) -> Exception | None:
        """Run a tick, in one transaction with what says that it was run. Return what it failed with."""
        bound, schedule = self.bound, self._schedule
        method = getattr(bound.instance, schedule.method)
        arguments = (schedule.shown_tick(tick),) if schedule.takes_tick else ()

        async def claim_and_run(*arguments: Any) -> None:
            self._ledger.settle_with(tick)
            await method(*arguments)

        target = Target(bound.name, self._operation, claim_and_run, random=self._random)
        began = self._clock.monotonic()
        try:
            async with deadline(schedule.deadline, what=bound.name) as outer:
                context = Context(self._operation, outer.deadline, outer.task, None, outer.trace_id)
                context.receive(None, self._key(tick))
                await invoke(target, arguments, context)
        except TickSettled:
            if SIGNALS.observed:
                SIGNALS.announce(TickTakenElsewhere(bound.name, tick))
        except Exception as error:
            return error
        else:
            if SIGNALS.observed:
                SIGNALS.announce(TickRun(bound.name, tick, self._clock.monotonic() - began))
        return None

    def _key(self, tick: datetime) -> str:
        """Return the idempotency key of a tick: the same in each try, so that the commands it sends have theirs."""
        return self._digest(tick).hex()[:32]

    def _put_off(self, tick: datetime) -> timedelta:
        """Return by how much the run of a tick is put off: a number that only looks random, for all replicas alike."""
        chance = int.from_bytes(self._digest(tick)[16:24], "big") / 2**64
        return timedelta(seconds=chance * self._schedule.jitter)

    def _digest(self, tick: datetime) -> bytes:
        bound = self.bound
        text = "\0".join((bound.application, bound.service, self._schedule.name, tick.isoformat()))
        return hashlib.sha256(text.encode()).digest()

    def _pause(self, failures: int) -> float:
        """Return the seconds until the next try: twice as many each time, less some chance."""
        longest = min(_LONGEST_PAUSE, 2.0 ** min(failures, 10))
        return longest * (0.5 + self._random.random() / 2)

    async def _sleep(self, seconds: float) -> None:
        """Wait, in naps: a wall clock that is set shall be noticed. Ends early when this is to stop."""
        if seconds <= 0 or self._stopping.is_set():
            return
        napping = asyncio.ensure_future(self._clock.sleep(min(seconds, _LONGEST_SLEEP)))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait([napping, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            napping.cancel()
            stopping.cancel()

    def _tell_failed(self, tick: datetime, tries: int, error: Exception, again: datetime | None) -> None:
        then = "it is given up, for the next one is due" if again is None else f"it is tried again at {again:%H:%M:%S}"
        _log.error("%s failed for %s, try %d, and %s: %s", self.bound.name, _shown(tick), tries, then, error)
        if SIGNALS.observed:
            SIGNALS.announce(TickFailed(self.bound.name, tick, tries, error, again))

    def _tell_left_out(self, found: Due) -> None:
        if found.left_out:
            first, last = found.left_out[0], found.left_out[-1]
            _log.warning("%s was not run for %s to %s: missed", self.bound.name, _shown(first), _shown(last))
            if SIGNALS.observed:
                SIGNALS.announce(TicksLeftOut(self.bound.name, first, last))

    def _tell_if_ahead(self, last: datetime, now: datetime) -> None:
        ahead = last > now + _AHEAD
        if ahead and not self._warned:
            _log.error(
                "the ticks of %s are settled until %s, by a clock that was ahead of this one: none is run before",
                self.bound.name, _shown(last),
            )  # fmt: skip
            if SIGNALS.observed:
                SIGNALS.announce(ScheduleAhead(self.bound.name, last))
        self._warned = ahead


def _shown(tick: datetime) -> str:
    return f"{tick:%Y-%m-%d %H:%M:%S} UTC"
