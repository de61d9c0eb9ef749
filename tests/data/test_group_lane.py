"""Transactions that share a commit: each is still one of its own, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import ProgrammingError

from freestone.data import Database
from freestone.data.group_lane import GroupLane
from freestone.errors import Aborted, AlreadyExists, FailedPrecondition, ResourceExhausted, Unknown


@pytest.fixture
def engine() -> str:
    return "sqlite"


SLOW_WRITE = text(
    "INSERT INTO entry (account, text) WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
    " SELECT 1, x FROM n LIMIT 300000000"
)


def lane_of(db: Database) -> GroupLane:
    lane = db.store.writing
    assert isinstance(lane, GroupLane)
    return lane


@pytest.fixture
async def warm(db: Database, handler: Any) -> Database:
    """A database that knows ``deposit`` to be quick."""
    await make_quick(db, handler)
    return db


class Settled:
    """Says of owners what a test has said; learns nothing, for a busy machine makes anybody slow."""

    def __init__(self, **known: float) -> None:
        self.known = known

    def expected(self, owner: str) -> float | None:
        return self.known.get(owner.replace(" ", "_"))

    def learn(self, owner: str, seconds: float) -> None:
        pass


async def make_quick(db: Database, handler: Any, **others: float) -> None:
    lane = lane_of(db)
    lane._holds = Settled(deposit=0.0, **others)  # type: ignore[assignment]
    lane._commits.seconds = 1.0  # so that nobody is left out because the machine was busy


@contextlib.asynccontextmanager
async def commits_held(db: Database) -> AsyncGenerator[asyncio.Event]:
    """Have the commit of a group wait, in a block; the event is set when one is about to begin."""
    lane = lane_of(db)
    begun, go_on = asyncio.Event(), asyncio.Event()
    commit = lane._commit

    async def held(group: Any) -> None:
        begun.set()
        await go_on.wait()
        await commit(group)

    lane._commit = held  # type: ignore[method-assign]
    try:
        yield begun
    finally:
        lane._commit = commit  # type: ignore[method-assign]
        go_on.set()


async def failing_commits(db: Database, failure: Exception) -> None:
    """Have each COMMIT fail from now on."""
    lane = lane_of(db)

    async def fail(group: Any) -> None:
        driver = lane._driver
        assert driver is not None
        trip = driver.trip

        async def broken(work: Any, *arguments: Any) -> Any:
            if arguments == ("COMMIT",):
                raise failure
            return await trip(work, *arguments)

        driver.trip = broken  # type: ignore[method-assign]
        try:
            await commit(group)
        finally:
            driver.trip = trip  # type: ignore[method-assign]

    commit = lane._commit
    lane._commit = fail  # type: ignore[method-assign]


async def test_those_who_wait_for_each_other_share_a_commit(warm: Database, handler: Any, account: Any) -> None:
    """Fifty at once are a few groups, and each of them is written."""
    before = lane_of(warm).commits

    async def deposit(number: int) -> None:
        async with handler("deposit"):
            await warm.execute(insert(account).values(id=number, owner=str(number)))

    await asyncio.gather(*(deposit(number) for number in range(50)))
    assert lane_of(warm).commits - before <= 25
    async with handler("balance"):
        assert await warm.scalar(select(func.count()).select_from(account)) == 50


async def test_a_member_that_fails_is_undone_alone(warm: Database, handler: Any, account: Any) -> None:
    """Of those around it, nothing is lost."""

    async def deposit(number: int) -> None:
        async with handler("deposit"):
            await warm.execute(insert(account).values(id=number, owner=str(number)))
            await warm.execute(update(account).values(balance=account.balance + 1))
            if number % 3 == 1:
                raise LookupError
            if number % 3 == 2:
                await warm.execute(insert(account).values(id=number, owner=str(number)))

    outcomes = await asyncio.gather(*(deposit(number) for number in range(30)), return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        assert isinstance(outcome, (type(None), LookupError, AlreadyExists)[number % 3])
    async with handler("balance"):
        rows = {row.id: row.balance for row in await warm.execute(select(account.id, account.balance))}
    assert set(rows) == set(range(0, 30, 3))
    assert sorted(rows.values()) == list(range(1, 11))


async def test_a_flush_that_fails_is_undone_alone(warm: Database, handler: Any, account: Any) -> None:
    """SQLAlchemy undoes more than the statement, and still no more than the member."""

    async def deposit(number: int) -> None:
        async with handler("deposit"):
            warm.add(account(id=number, owner=str(number // 2)))

    outcomes = await asyncio.gather(*(deposit(number) for number in range(20)), return_exceptions=True)
    assert [type(it) for it in outcomes] == [type(None), AlreadyExists] * 10
    async with handler("balance"):
        assert set(await warm.scalars(select(account.id))) == set(range(0, 20, 2))


async def test_nobody_is_told_and_nobody_sees_before_the_commit(warm: Database, handler: Any, account: Any) -> None:
    """A reply, and a query, come after the disk; also the error of a command that has seen what was not there yet."""

    async def deposit(number: int) -> None:
        async with handler("deposit"):
            await warm.execute(insert(account).values(id=number, owner="ada"))

    async with commits_held(warm) as begun:
        tasks = [asyncio.create_task(deposit(number)) for number in (1, 2)]
        await begun.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        assert not any(task.done() for task in tasks)
        async with handler("balance"):
            assert await warm.scalar(select(func.count()).select_from(account)) == 0
    assert [type(it) for it in await asyncio.gather(*tasks, return_exceptions=True)] == [type(None), AlreadyExists]
    async with handler("balance"):
        assert await warm.scalar(select(func.count()).select_from(account)) == 1


@pytest.mark.parametrize("known", [True, False])
async def test_who_holds_it_long_delays_no_finished_commit(
    warm: Database, handler: Any, account: Any, known: bool
) -> None:
    """A slow owner, and one that nobody knows, begin after the commit of those who have ended."""
    if known:
        await make_quick(warm, handler, this_block=9.0)
    told = asyncio.Event()

    async def slow() -> None:
        async with warm.transaction():
            await warm.execute(insert(account).values(id=1, owner="slow"))
            await told.wait()  # for ever, if it were before the commit of the other

    async def quick() -> None:
        async with handler("deposit"):
            await warm.execute(insert(account).values(id=2, owner="quick"))
            behind.append(asyncio.create_task(slow()))
            await asyncio.sleep(0)
        told.set()

    behind: list[asyncio.Task[None]] = []
    async with asyncio.timeout(20):
        await quick()
        await behind[0]


async def test_what_takes_the_transaction_back_is_a_lost_race_for_the_others(
    warm: Database, handler: Any, account: Any
) -> None:
    """A full disk ends the transaction of all: the others did nothing wrong, and may be run again."""
    async with warm.transaction():
        await warm.execute(text("PRAGMA max_page_count=12"))
    await make_quick(warm, handler)
    in_it = asyncio.Event()

    async def small() -> None:
        async with handler("deposit"):
            await warm.execute(insert(account).values(id=1, owner="ada"))

    async def large() -> None:
        async with handler("deposit"):
            in_it.set()
            await warm.execute(insert(account).values(id=2, owner="x" * 200_000))

    first, second = asyncio.create_task(small()), asyncio.create_task(large())
    with pytest.raises(ResourceExhausted, match="has no room left on its disk"):
        await second
    with pytest.raises(Aborted, match="of deposit was undone, and nothing of it is written: a failure of deposit") as e:
        await first
    assert e.value.lost_race
    async with handler("balance"):
        assert await warm.scalar(select(func.count()).select_from(account)) == 0
    await small()


async def test_a_write_that_does_not_end_is_interrupted_and_the_others_are_told(
    warm: Database, handler: Any, account: Any
) -> None:
    """Whoever is cancelled in a long write takes back its group, rather than keep it waiting."""
    await warm.transact(lambda: warm.execute(insert(account).values(id=1, owner="ada")))
    await make_quick(warm, handler)
    at_it = asyncio.Event()

    async def small() -> None:
        async with handler("deposit"):
            await warm.execute(insert(account).values(id=2, owner="bob"))

    async def endless() -> None:
        async with handler("deposit"):
            await warm.scalar(select(account.id))
            at_it.set()
            await warm.execute(SLOW_WRITE)

    first, second = asyncio.create_task(small()), asyncio.create_task(endless())
    await at_it.wait()
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    with pytest.raises(Aborted, match="a failure of deposit took back what others had written") as caught:
        await first
    assert caught.value.lost_race
    await small()


async def test_a_commit_that_fails_is_unknown_to_all_of_its_group(warm: Database, handler: Any, account: Any) -> None:
    """The record may be on the disk, for each of them alike."""
    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    await failing_commits(warm, failure)

    async def deposit(number: int) -> None:
        async with handler("deposit"):
            await warm.execute(insert(account).values(id=number, owner=str(number)))

    outcomes = await asyncio.gather(*(deposit(number) for number in range(5)), return_exceptions=True)
    assert [type(it) for it in outcomes] == [Unknown] * 5
    assert len({id(it) for it in outcomes}) == 5
    assert "the commit of deposit failed, and may have happened" in str(outcomes[0])
    assert lane_of(warm).open == 0
    async with handler("balance"):
        assert await warm.scalar(select(func.count()).select_from(account)) == 0


async def test_a_constraint_that_is_checked_at_the_end_sets_each_apart(
    warm: Database, handler: Any, account: Any
) -> None:
    """Nobody can say whose it is, so all are undone; from then on each is committed by itself, and its own to blame."""
    async with warm.transaction():
        await warm.execute(
            text(
                "CREATE TABLE child (id INTEGER PRIMARY KEY,"
                " of INTEGER REFERENCES account(id) DEFERRABLE INITIALLY DEFERRED)"
            )
        )
    await make_quick(warm, handler)

    async def deposit(number: int) -> None:
        async with handler("deposit"):
            await warm.execute(text("INSERT INTO child VALUES (:id, :of)"), {"id": number, "of": 99})
            if number % 2 == 0:
                await warm.execute(text("DELETE FROM child WHERE id = :id"), {"id": number})
                await warm.execute(insert(account).values(id=number, owner=str(number)))

    first = await asyncio.gather(*(deposit(number) for number in range(4)), return_exceptions=True)
    assert {type(it) for it in first} <= {Aborted, FailedPrecondition, type(None)}
    again = await asyncio.gather(
        *(deposit(number) for number in range(4) if first[number] is not None), return_exceptions=True
    )
    assert {type(it) for it in again} <= {FailedPrecondition, type(None)}
    async with handler("balance"):
        assert set(await warm.scalars(select(account.id))) == {0, 2}
        assert await warm.scalar(text("SELECT count(*) FROM child")) == 0


@pytest.mark.parametrize("statement", ["COMMIT", " rollback", "END", "BEGIN IMMEDIATE"])
async def test_a_statement_can_not_end_the_transaction_of_all(db: Database, statement: str) -> None:
    """It would end that of others too."""
    with pytest.raises(ProgrammingError, match="is refused: a transaction is ended by leaving its block"):
        async with db.transaction():
            await db.execute(text(statement))


async def test_a_savepoint_of_ones_own_is_fine(warm: Database, handler: Any, account: Any) -> None:
    """SQLAlchemy's nested transactions lie within the member."""

    async def deposit(number: int) -> None:
        async with handler("deposit"):
            await warm.execute(insert(account).values(id=number, owner=str(number)))
            async with warm.transaction() as transaction:
                await transaction.run(lambda session: half(session, number))

    async def half(session: Any, number: int) -> None:
        nested = await session.begin_nested()
        await session.execute(insert(account).values(id=100 + number, owner=f"{number} too"))
        await nested.rollback()

    await asyncio.gather(*(deposit(number) for number in range(10)))
    async with handler("balance"):
        assert set(await warm.scalars(select(account.id))) == set(range(10))


async def test_what_is_quick_takes_no_trip(db: Database, handler: Any, account: Any) -> None:
    """After some runs a small statement is executed where it is asked for; one that got long is taken to the thread."""
    count = select(func.count()).select_from(account).where(account.balance == 0)

    async def counted() -> tuple[int, int]:
        """Return how many statements were run here, and how many things took a trip."""
        async with db.transaction() as transaction:
            driver = transaction._store.driver(await transaction.run(connection_of))
            here, there = driver.here, driver.there  # type: ignore[attr-defined]
            await db.scalar(count)
            return driver.here - here, driver.there - there  # type: ignore[attr-defined]

    async def connection_of(session: Any) -> Any:
        return await session.connection()

    assert await counted() == (0, 1)
    for _ in range(50):
        seen = await counted()
        if seen == (1, 0):
            break
    assert seen == (1, 0)
    async with db.transaction():
        await db.execute(
            text(
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 300000)"
                " INSERT INTO account (id, owner, balance) SELECT x, x, 1 FROM n"
            )
        )
    assert await counted() == (1, 1)  # begun here, stopped, and taken there
    assert await counted() == (0, 1)


class Step:
    """What a transaction of the next test may do."""

    WRITE, FAIL, REST, READ, GIVE_UP = range(5)


programs = st.lists(
    st.tuples(
        st.lists(st.integers(Step.WRITE, Step.GIVE_UP), min_size=1, max_size=5),
        st.none() | st.integers(1, 12),  # the wait at which it is cancelled
        st.sampled_from(["deposit", "a stranger", "a slow one"]),
    ),
    min_size=2,
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(programs)
async def test_p30_whatever_they_do_and_whenever_they_are_cancelled(
    cancelled_at: Any, account: Any, handler: Any, programs: list[tuple[list[int], int | None, str]]
) -> None:
    """Of transactions that run at once over one file: who was told so is written, who failed is not, none by half."""
    async with Database.temporary(account.metadata) as db:
        await make_quick(db, handler, a_slow_one=9.0)

        async def body(number: int, steps: list[int], owner: str) -> None:
            async with db.transaction() as transaction:
                transaction.owner = owner
                for place, step in enumerate(steps):
                    await one(number * 100 + place, step)

        async def one(key: int, step: int) -> None:
            if step == Step.WRITE:
                await db.execute(insert(account).values(id=key, owner=str(key)))
            elif step == Step.REST:
                await asyncio.sleep(0)
            elif step == Step.READ:
                await db.scalar(select(func.count()).select_from(account))
            elif step == Step.FAIL:
                with contextlib.suppress(AlreadyExists):
                    await db.execute(insert(account).values(id=key, owner=str(key)))
                    await db.execute(insert(account).values(id=key + 1000000, owner=str(key)))
            else:
                raise LookupError

        async def run(number: int, steps: list[int], cancelled: int | None, owner: str) -> None:
            work = body(number, steps, owner)
            await (work if cancelled is None else cancelled_at(cancelled, 0, work))

        tasks = [asyncio.create_task(run(number, *program)) for number, program in enumerate(programs)]
        await asyncio.wait(tasks, timeout=30)
        async with handler("balance"):
            found = set(await db.scalars(select(account.id)))
        for number, ((steps, _, _), task) in enumerate(zip(programs, tasks, strict=True)):
            rows = {number * 100 + place for place, step in enumerate(steps) if step in (Step.WRITE, Step.FAIL)}
            mine = {key for key in found if key % 1000000 // 100 == number}
            assert task.done()
            if task.cancelled():
                assert mine in (rows, set())
            elif task.exception() is not None:
                assert not mine
            else:
                assert mine == rows
        lane = lane_of(db)
        assert lane.open == 0
        assert not lane._queue
        assert lane.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_one_who_is_cancelled_as_another_leaves_is_cancelled(tmp_path: Path) -> None:
    """The lane has passed over its place already, which must not become an error in the cancellation's place."""
    database = Database.open(tmp_path / "lane.db")
    await database.start()
    lane = database.store.writing
    await lane.enter("first")
    waiting = asyncio.create_task(lane.enter("second"))
    await asyncio.sleep(0)
    waiting.cancel()
    lane.leave()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await lane.enter("third")
    lane.leave()
    await database.close()
