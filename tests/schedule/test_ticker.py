"""What becomes of ticks: run, tried again, given up, missed; on one replica and on two."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from freestone import Contract, Database, cron, current, errors, every, local, query, service
from freestone.data import Transaction
from freestone.schedule.ledger import Ledger
from freestone.schedule.turn import SECONDS
from freestone.service import CURRENT
from freestone.signals import ScheduleAhead, TickFailed, TickRun, TicksLeftOut, TickTakenElsewhere

from .conftest import NOON, PATIENCE, Calendar, Desk, Heard, RunRow, desk, ran, replica

FIVE = every("5m")


async def test_a_tick_is_run_once_at_its_time(where: str | Path, calendar: Calendar, heard: Heard) -> None:
    """From the next one on: what was before the schedule was first seen is none of its ticks."""
    calendar.fake.advance(120)
    async with replica(where, calendar, desk(FIVE)) as it:
        await calendar.passing(minutes=2, seconds=59)
        assert await ran(it) == []
        await calendar.passing(seconds=1)
        assert await ran(it) == ["01 12:05:00"]
        await calendar.passing(minutes=12)
        assert await ran(it) == ["01 12:05:00", "01 12:10:00", "01 12:15:00"]
    assert heard.ticks(TickRun) == ["01 12:05:00", "01 12:10:00", "01 12:15:00"]


async def test_of_two_replicas_one_runs_a_tick(where: str | Path, calendar: Calendar, heard: Heard) -> None:
    """Each tick takes effect once, whichever of them has it."""
    calendar.tickers = 2
    async with (
        replica(where, calendar, desk(FIVE)) as one,
        replica(where, calendar, desk(FIVE)),
    ):
        await calendar.passing(hours=1)
        assert await ran(one) == [f"01 12:{minute:02}:00" for minute in range(5, 60, 5)] + ["01 13:00:00"]
    assert len(heard.of(TickRun)) == 12
    assert heard.of(TicksLeftOut) == []


async def test_two_runs_of_one_tick_take_effect_once(where: str | Path, calendar: Calendar, heard: Heard) -> None:
    """A tick that was settled while its handler ran here leaves nothing of that run."""

    @service
    class Slow(Desk):
        db: Database

        async def put(self) -> None: ...

        @FIVE
        async def run(self) -> None:
            # Another replica, whose turn it never was, is faster. In a task of its own it has a transaction of its own.
            async def other() -> bool:
                return await Ledger(self.db, "run").settle(NOON + timedelta(minutes=5))

            assert await asyncio.create_task(_outside(other()))
            self.db.add(RunRow(tick=1))

    async with replica(where, calendar, Slow) as it:
        await calendar.passing(minutes=5)
        assert await ran(it) == []
    assert heard.ticks(TickTakenElsewhere) == ["01 12:05:00"]
    assert heard.of(TickFailed) == []


async def test_a_tick_that_fails_is_tried_again_with_growing_pauses(
    where: str | Path, calendar: Calendar, heard: Heard
) -> None:
    """What a failed try wrote is undone. The tick is settled by the try that succeeds."""
    fails = [errors.Unavailable("the post office is closed")] * 4
    async with replica(where, calendar, desk(every("1h")), fails=fails) as it:
        await calendar.passing(hours=1, minutes=5)
        assert await ran(it) == ["01 13:00:00"]
    failed = heard.of(TickFailed)
    assert [each.tries for each in failed] == [1, 2, 3, 4]
    assert [type(each.error) for each in failed] == [errors.Unavailable] * 4
    pauses = [each.again - calendar.fake.now() for each in failed if each.again is not None]
    assert pauses == sorted(pauses)
    assert len(heard.of(TickRun)) == 1


async def test_a_tick_that_keeps_failing_is_given_up_when_the_next_is_due(
    where: str | Path, calendar: Calendar, heard: Heard
) -> None:
    """It is announced, and the next one is run."""
    fails = [RuntimeError("a bug")] * 9
    async with replica(where, calendar, desk(every("1m")), fails=fails) as it:
        while not await ran(it):
            await calendar.passing(seconds=10)
        failed = heard.of(TickFailed)
        given_up = [each for each in failed if each.again is None]
        assert given_up
        assert given_up[0].tick == NOON + timedelta(minutes=1)
        assert isinstance(given_up[0].error, errors.Internal)
        assert f"{given_up[0].tick:%d %H:%M:%S}" not in await ran(it)
    async with replica(where, calendar, desk(every("1m"))) as it:
        assert f"{given_up[0].tick:%d %H:%M:%S}" not in await ran(it)


@pytest.mark.parametrize(
    ("missed", "expected", "left_out"),
    [
        ("once", ["01 12:05:00", "01 13:00:00", "01 13:05:00"], 1),
        ("skip", ["01 12:05:00", "01 13:05:00"], 1),
        ("all", [f"01 12:{minute:02}:00" for minute in range(5, 60, 5)] + ["01 13:00:00", "01 13:05:00"], 0),
    ],
)
async def test_ticks_that_nobody_could_run_are_treated_as_declared(
    where: str | Path, calendar: Calendar, heard: Heard, missed: Any, expected: list[str], left_out: int
) -> None:
    """The application was stopped from 12:07 to 13:02."""
    cls = desk(every("5m", missed=missed))
    async with replica(where, calendar, cls):
        await calendar.passing(minutes=7)
    calendar.fake.advance(55 * 60)
    async with replica(where, calendar, cls) as it:
        await calendar.passing(minutes=4)
        assert await ran(it) == expected
    assert len(heard.of(TicksLeftOut)) == left_out


async def test_all_goes_on_with_the_oldest_until_it_succeeds(
    where: str | Path, calendar: Calendar, heard: Heard
) -> None:
    """Its ticks are in order, and none is given up."""
    cls = desk(every("1m", missed="all"))
    fails = [errors.Unavailable("no")] * 8
    async with replica(where, calendar, cls, fails=fails) as it:
        await calendar.passing(minutes=20)
        assert await ran(it) == [f"01 12:{minute:02}:00" for minute in range(1, 21)]
    assert heard.ticks(TickFailed) == ["01 12:01:00"] * 8
    assert all(each.again is not None for each in heard.of(TickFailed))


async def test_a_clock_that_is_set_back_runs_nothing_twice(where: str | Path, calendar: Calendar, heard: Heard) -> None:
    """It is told that nothing is run until the clock has caught up."""
    async with replica(where, calendar, desk(FIVE)) as it:
        await calendar.passing(minutes=10)
        calendar.fake.jump(-600)
        await calendar.passing(minutes=10)
        assert await ran(it) == ["01 12:05:00", "01 12:10:00"]
        await calendar.passing(minutes=5)
        assert await ran(it) == ["01 12:05:00", "01 12:10:00", "01 12:15:00"]
    calendar.fake.jump(-3600)
    async with replica(where, calendar, desk(FIVE)) as it:
        await calendar.passing(minutes=10)
        assert len(await ran(it)) == 3
    assert [f"{each.until:%H:%M}" for each in heard.of(ScheduleAhead)] == ["12:10", "12:15"]


async def test_a_clock_that_is_set_forward_is_noticed(where: str | Path, calendar: Calendar, heard: Heard) -> None:
    """Nobody wakes for it, but nobody sleeps for longer than 20 s; what lies between was missed."""
    async with replica(where, calendar, desk(every("1h"))) as it:
        await calendar.idle()
        calendar.fake.jump(3 * 3600 + 60)
        await calendar.passing(seconds=20)
        assert await ran(it) == ["01 15:00:00"]
    assert [(each.first.hour, each.last.hour) for each in heard.of(TicksLeftOut)] == [(13, 14)]


async def test_cron_gives_the_tick_by_the_clocks_of_its_zone(where: str | Path, calendar: Calendar) -> None:
    """An hour that the clocks skip is told by what they show after the gap."""
    seen: list[datetime] = []

    @service
    class Berlin(Desk):
        db: Database

        async def put(self) -> None: ...

        @cron("30 2 * * *", tz="Europe/Berlin")
        async def run(self, tick: datetime) -> None:
            seen.append(tick)

    calendar.fake.jump((datetime(2030, 3, 30, 0, tzinfo=UTC) - NOON).total_seconds())
    async with replica(where, calendar, Berlin):
        await calendar.passing(hours=27)
    assert [str(tick) for tick in seen] == ["2030-03-30 02:30:00+01:00", "2030-03-31 03:00:00+02:00"]
    assert all(tick.tzinfo == ZoneInfo("Europe/Berlin") for tick in seen)


async def test_jitter_puts_a_run_off_and_not_its_tick(where: str | Path, calendar: Calendar) -> None:
    """By as much for every replica, so that they still agree."""
    at: list[timedelta] = []

    @service
    class Later(Desk):
        db: Database

        async def put(self) -> None: ...

        @every("10m", jitter="5m")
        async def run(self, tick: datetime) -> None:
            at.append(calendar.now() - tick)

    async with replica(where, calendar, Later):
        await calendar.passing(minutes=60)
    assert len(at) == 5
    assert all(timedelta(0) <= off < timedelta(minutes=5, seconds=1) for off in at)
    assert len(set(at)) == 5


async def test_a_run_that_hangs_is_cancelled_at_its_deadline(
    where: str | Path, calendar: Calendar, heard: Heard
) -> None:
    """And tried again."""
    tries = 0

    @service
    class Hanging(Desk):
        db: Database

        async def put(self) -> None: ...

        @every("1h", deadline=0.5)
        async def run(self, tick: datetime) -> None:
            nonlocal tries
            tries += 1
            if tries == 1:
                await asyncio.Event().wait()
            self.db.add(RunRow(tick=tries))

    async with replica(where, calendar, Hanging):
        await calendar.passing(hours=1, minutes=1)
    failed = heard.of(TickFailed)  # on a machine that stands still for long, a later try may be cancelled as well
    assert failed
    assert {type(each.error) for each in failed} == {errors.DeadlineExceeded}
    assert str(failed[0].error) == "desk.run did not end by its deadline"
    assert heard.ticks(TickRun) == ["01 13:00:00"]


async def test_a_run_is_a_command_whose_key_is_its_ticks(where: str | Path, calendar: Calendar, heard: Heard) -> None:
    """The same in each try, and another for the next tick: what it calls can tell repetitions."""
    keys: list[str | None] = []

    @service
    class Keyed(Desk):
        db: Database

        async def put(self) -> None: ...

        @every("1h")
        async def run(self) -> None:
            context = current()
            assert context is not None
            keys.append(context.idempotency_key)
            if len(keys) == 1:
                raise errors.Unavailable("not yet")

    async with replica(where, calendar, Keyed):
        await calendar.passing(hours=2)
    assert len(keys) == 3
    assert keys[0] == keys[1] != keys[2]
    assert keys[0] is not None


async def test_another_replica_goes_on_when_one_has_its_turn_and_is_gone(
    where: str | Path, calendar: Calendar, heard: Heard
) -> None:
    """Whoever died in the middle of a run keeps others from the tick for the lease's seconds."""
    async with replica(where, calendar, desk(every("1h"))) as it:
        assert await it.db.leases.store.acquire("schedule run", "a dead process", 3600 + SECONDS) == 1
        await calendar.passing(hours=1, seconds=SECONDS - 1)
        assert await ran(it) == []
        if it.db.dialect == "postgresql":  # its time is that of the server, which no test can let pass
            async with it.db.transaction():
                await it.db.execute(text("UPDATE freestone_tenure SET expiry = 0"))
        await calendar.passing(seconds=4)
        assert await ran(it) == ["01 13:00:00"]


async def test_a_service_without_a_database_is_given_one_for_its_schedules() -> None:
    """Which ticks are settled has to be kept somewhere; and ``local`` runs them too."""
    ticked = asyncio.Event()

    class Bell(Contract):
        @query
        async def rings(self) -> int:
            """Return how often it rang."""

    @service
    class BellService(Bell):
        async def start(self) -> None:
            self.rung = 0

        async def rings(self) -> int:
            return self.rung

        @every("1s")
        async def ring(self) -> None:
            self.rung += 1
            ticked.set()

    async with local(bell=BellService) as application:
        async with asyncio.timeout(PATIENCE):
            await ticked.wait()
        assert await application.client(Bell).rings() >= 1


async def test_a_run_under_way_may_end_when_the_process_stops(
    where: str | Path, calendar: Calendar, heard: Heard
) -> None:
    """It is not begun again elsewhere."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    @service
    class Slow(Desk):
        db: Database

        async def put(self) -> None: ...

        @every("1h")
        async def run(self) -> None:
            begun.set()
            await may_end.wait()
            self.db.add(RunRow(tick=1))

    async def end_it() -> None:
        await begun.wait()
        may_end.set()

    async with replica(where, calendar, Slow):
        await calendar.idle()
        ending = asyncio.create_task(end_it())
        while not begun.is_set():
            calendar.fake.advance(20)
            await asyncio.sleep(0)
    await ending
    assert heard.ticks(TickRun) == ["01 13:00:00"]


async def test_a_database_that_can_not_be_reached_delays_ticks_only(
    where: str | Path,
    calendar: Calendar,
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The ticker says so, and goes on when it is back."""
    async with replica(where, calendar, desk(every("1h"))) as it:
        await calendar.passing(minutes=59)
        with monkeypatch.context() as patched:

            async def refused(*_: Any) -> Any:
                raise errors.Unavailable("the database desk can't open its file")

            patched.setattr(Transaction, "run", refused)
            await calendar.passing(minutes=2)
        assert heard.of(TickRun) == []
        await calendar.passing(minutes=5)
        assert await ran(it) == ["01 13:00:00"]
    assert "the schedule desk.run can't look at its ticks: the database desk can't open its file" in caplog.text


async def _outside(work: Any) -> Any:
    """Do the work as another process would: not in the handler that runs here."""
    CURRENT.set(None)
    return await work
