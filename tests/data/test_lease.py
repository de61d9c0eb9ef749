"""Leases in a service's database, and the fence that refuses a stale token where the data is."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update

from freestone.clock import SystemClock
from freestone.data import Database, TransactionRequired, drift
from freestone.data.era import era_of
from freestone.data.framework_tables import Part, take_steps
from freestone.data.lease import DatabaseLeases, LeaseRow, Sight, judged
from freestone.data.postgres_lease import TENURE, PostgresLeases
from freestone.errors import Aborted
from freestone.lease import Held, Lease, Leases, StaleToken, Tenure
from freestone.service import Context
from freestone.testing import FakeClock
from freestone.testing.conformance.lease import CHECKS, Bench
from freestone.testing.leases import MemoryLeases

ON_POSTGRES = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

Check = Callable[[Bench], Awaitable[None]]


@pytest.fixture
async def there(db: Database, opener: Callable[[], Database]) -> AsyncIterator[Database]:
    """The same database, as another process has it."""
    database = opener()
    await database.start()
    yield database
    await database.close()


def store(database: Database, clock: Any, era: str) -> DatabaseLeases:
    return DatabaseLeases(lambda: database.store, clock, era)


@ON_SQLITE
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_leases_of_one_machine_keep_the_rules(check: Check, db: Database, there: Database) -> None:
    """The suite of the seam, for two processes that have one monotonic clock."""
    clock = FakeClock()

    async def pass_time(seconds: float) -> None:
        clock.advance(seconds)

    await check(Bench(store(db, clock, "boot"), store(there, clock, "boot"), pass_time))


@ON_SQLITE
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_p20_leases_of_clocks_that_have_nothing_in_common_keep_the_rules(
    check: Check, db: Database, there: Database
) -> None:
    """The suite again, with monotonic clocks that began at other times and wall clocks that jump by an hour.

    Who can't read the other's time has to watch for as long as a lease lasts; so time passes in two steps with a look
    between them.
    """
    clocks = FakeClock(), FakeClock()
    clocks[0].advance(1_000_000)
    stores = store(db, clocks[0], "one"), store(there, clocks[1], "two")
    jumps = 3600.0

    async def pass_time(seconds: float) -> None:
        nonlocal jumps
        for each in stores:  # a look takes nothing here: whatever is held is within its time
            for name in ("nightly report: all/some",):
                await each.acquire(name, "nobody", 2.0)
        for clock in clocks:
            clock.advance(seconds)
            clock.jump(jumps)
            jumps = -jumps

    await check(Bench(*stores, pass_time))


@ON_POSTGRES
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_p20_leases_by_the_time_of_the_server_keep_the_rules(
    check: Check, db: Database, there: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suite for two processes whose clocks jump by an hour. No clock of theirs is read."""
    jumps = 3600.0
    told = time.time

    async def pass_time(seconds: float) -> None:
        nonlocal jumps
        async with db.transaction():  # as if the server's clock had gone on
            await db.execute(update(TENURE).values(expiry=TENURE.c.expiry - seconds))
        monkeypatch.setattr(time, "time", lambda: told() + jumps)
        jumps = -jumps

    await check(Bench(PostgresLeases(lambda: db.store), PostgresLeases(lambda: there.store), pass_time, seconds=60))


@ON_POSTGRES
async def test_p18_a_lease_is_not_given_away_while_a_transaction_runs_that_its_fence_let_through(
    db: Database, there: Database, account: Any
) -> None:
    """Its time is over, and who wants it waits for what was begun under it. What is begun later is refused."""
    leases = PostgresLeases(lambda: there.store)
    assert await PostgresLeases(lambda: db.store).acquire("nightly", "ada", 30) == 1
    mine = Lease("nightly", 1, db._leases.store, Tenure(30, 0), FakeClock())
    async with db.transaction():
        await db.fence(mine)
        async with there.transaction():
            await there.execute(update(TENURE).values(expiry=0))
        taking = asyncio.create_task(leases.acquire("nightly", "bob", 60))
        async with asyncio.timeout(30):
            waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            while not await db.scalar(waits):
                await db.execute(text("SELECT pg_stat_clear_snapshot()"))
        db.add(account(owner="ada"))
        assert not taking.done()
    assert await taking == 2
    assert await count(db, account) == 1
    with pytest.raises(StaleToken, match="the token 1 of the lease nightly is stale: 2 was given since"):
        async with db.transaction():
            await db.fence(mine)


@ON_POSTGRES
async def test_a_lease_is_renewed_while_every_other_connection_is_in_use(db: Database) -> None:
    """What the framework does for itself has connections of its own."""
    async with db.lease("nightly", seconds=30) as lease, contextlib.AsyncExitStack() as stack:
        for number in range(db.store.writing.slots):
            held = await stack.enter_async_context(db.separate(f"work {number}"))
            held._own = False  # as a command's
            await held.run(lambda session: session.execute(select(1)))
        assert db.store.writing.open == db.store.writing.slots
        assert await lease.store.renew("nightly", lease.token, 30)


@ON_SQLITE
async def test_p20_a_clock_that_was_set_does_not_end_a_lease(db: Database, there: Database) -> None:
    """No time of day is read at all."""
    clock = FakeClock()
    assert await store(db, clock, "boot").acquire("nightly", "ada", 30) == 1
    clock.jump(3600)
    assert await store(there, clock, "boot").acquire("nightly", "bob", 30) == Held("ada")
    clock.jump(-7200)
    assert await store(there, clock, "boot").acquire("nightly", "bob", 30) == Held("ada")
    clock.advance(31)
    assert await store(there, clock, "boot").acquire("nightly", "bob", 30) == 2


@given(st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=20), st.floats(1, 30), st.floats(-1e6, 1e6))
def test_p20_a_lease_of_another_era_is_taken_only_after_all_of_its_time_without_a_beat(
    looks: list[tuple[float, bool]], seconds: float, offset: float
) -> None:
    """Whatever the clocks say, and however often somebody looks."""
    now, beat, last_beat = 100.0, 0, 100.0
    sight: Sight | None = None
    for pause, renewed in looks:
        now += pause
        if renewed:
            beat, last_beat = beat + 1, now
        row = LeaseRow(1, "ada", seconds, "another", now + offset, beat)
        sight = judged(row, "mine", now, sight)
        if sight is None:
            assert now >= last_beat + seconds or now >= 100 + seconds  # as it is reckoned there: differences round
            assert not renewed
            return


def test_processes_of_one_machine_have_one_era() -> None:
    """As far as their clocks are the machine's."""
    assert era_of(SystemClock()) == era_of(SystemClock())
    assert era_of(FakeClock()) != era_of(SystemClock())
    clock = FakeClock()
    assert era_of(clock) == era_of(clock)


@ON_SQLITE
async def test_a_block_holds_a_lease_of_the_database(db: Database, there: Database) -> None:
    """Which is a row of it."""
    async with db.lease("nightly", seconds=10) as lease, db.transaction():
        found = await db.execute(text("SELECT name, token FROM freestone_lease"))
        assert found.one() == ("nightly", lease.token)
    async with there.lease("nightly") as later:
        assert later.token > lease.token


async def test_tables_of_the_framework_are_no_drift(db: Database) -> None:
    """A service is held to its own tables alone."""
    from sqlalchemy import MetaData

    metadata = MetaData()
    async with db.lease("nightly"):
        pass
    assert not [line for line in await drift(db, metadata) if "freestone" in line]


async def test_steps_are_taken_once_and_in_order(db: Database) -> None:
    """A newer version adds its own to those that were taken."""
    old = Part("thing", ("CREATE TABLE freestone_thing (a INTEGER)",))
    new = Part("thing", (*old.steps, "ALTER TABLE freestone_thing ADD COLUMN b INTEGER"))
    for part in (old, old, new, new, old):
        async with db.transaction() as transaction:
            await transaction.run(lambda session, part=part: take_steps(session, part))  # type: ignore[misc]
    async with db.transaction():
        await db.execute(text("INSERT INTO freestone_thing (a, b) VALUES (1, 2)"))
        assert await db.scalar(text("SELECT steps FROM freestone_schema WHERE part = 'thing'")) == 2


async def count(db: Database, entry: Any) -> int:
    async with db.transaction():
        return await db.scalar(select(func.count()).select_from(entry)) or 0


async def test_a_holder_writes_behind_its_fence(db: Database, account: Any) -> None:
    """As long as nobody else was given the lease."""
    async with db.lease("nightly") as lease, db.transaction():
        await db.fence(lease)
        db.add(account(owner="ada"))
    assert await count(db, account) == 1


@ON_SQLITE
async def test_p18_data_refuses_a_holder_whose_lease_was_given_away(
    db: Database, there: Database, account: Any
) -> None:
    """Before its successor has written anything, and even if it swallows the refusal."""
    clock = FakeClock()
    held = store(db, clock, "boot")
    assert await held.acquire("nightly", "ada", 2) == 1
    mine = Lease("nightly", 1, db._leases.store, Tenure(2, 0), clock)
    async with db.transaction():
        await db.fence(mine)
    clock.advance(3)
    assert await store(there, clock, "boot").acquire("nightly", "bob", 30) == 2
    with pytest.raises(StaleToken, match="the token 1 of the lease nightly is stale: 2 was given since"):
        async with db.transaction():
            db.add(account(owner="zombie"))
            await db.fence(mine)
    with pytest.raises(Aborted):
        async with db.transaction():
            db.add(account(owner="zombie"))
            with contextlib.suppress(StaleToken):
                await db.fence(mine)
    assert await count(db, account) == 0


async def test_p18_a_callee_refuses_a_token_that_is_older_than_one_it_has_seen(db: Database, account: Any) -> None:
    """The token came with a call; the lease is kept somewhere else."""
    for token in (4, 4, 7):
        async with db.transaction():
            await db.fence("nightly", token)
    with pytest.raises(StaleToken, match="the token 4 of the lease nightly is stale: 7 was given since"):
        async with db.transaction():
            db.add(account(owner="zombie"))
            await db.fence("nightly", 4)
    async with db.transaction():
        await db.fence("another", 1)
    assert await count(db, account) == 0


async def test_a_token_that_was_rolled_back_was_not_seen(db: Database) -> None:
    """It is part of the transaction."""
    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            await db.fence("nightly", 9)
            raise ZeroDivisionError
    async with db.transaction():
        await db.fence("nightly", 8)


async def test_a_lease_that_is_kept_elsewhere_is_fenced_by_what_was_seen(db: Database) -> None:
    """It has a name that this database may use for another lease."""
    async with db.lease("nightly"):
        pass
    clock = FakeClock()
    elsewhere = Leases(MemoryLeases(clock), clock)
    async with elsewhere.lease("nightly") as first, db.transaction():
        await db.fence(first)
    async with elsewhere.lease("nightly") as second, db.transaction():
        await db.fence(second)
    with pytest.raises(StaleToken):
        async with db.transaction():
            await db.fence(first)


async def test_a_lease_is_not_taken_inside_a_transaction(
    db: Database, handler: Callable[[str], AbstractAsyncContextManager[Context]]
) -> None:
    """It would wait for itself."""
    with pytest.raises(TransactionRequired, match="the lease nightly is taken inside a transaction"):
        async with db.transaction(), db.lease("nightly"):
            pass
    async with handler("deposit"):
        with pytest.raises(TransactionRequired, match="take it outside, in a task of its own"):
            await db.lead("nightly", lambda _: asyncio.sleep(0))


async def test_one_database_leads(db: Database, there: Database) -> None:
    """And the other follows when it is done."""
    order: list[str] = []
    began, done = asyncio.Event(), asyncio.Event()

    async def first(_: object) -> None:
        order.append("first")
        began.set()
        await done.wait()

    async def second(_: object) -> None:
        order.append("second")

    leading = asyncio.create_task(db.lead("relay", first, seconds=2))
    await began.wait()
    following = asyncio.create_task(there.lead("relay", second, seconds=2))
    done.set()
    async with asyncio.timeout(10):
        await asyncio.gather(leading, following)
    assert order == ["first", "second"]
