"""What a person sees of events, and does about those that were kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freestone.contract import Contract, Event, query
from freestone.data import Database
from freestone.events import (
    JSON,
    Choice,
    Cursor,
    Envelope,
    Following,
    Outbox,
    Source,
    State,
    count_kept,
    drop_kept,
    find_kept,
    lags,
    last_event,
    latest_events,
    partition_of,
    retry_kept,
    subscribe,
    subscriptions,
    waiting_events,
)
from freestone.events.inbox import TABLES, Inbox
from freestone.events.kept import Failure, Shelf
from freestone.service import service
from freestone.testing import FakeClock

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ORDERS = Source("shop", "orders")


class Orders(Contract):
    class Placed(Event, key="customer"):
        customer: str


class Journal(Contract):
    @query
    async def count(self) -> int: ...


@service
class JournalService(Journal):
    async def count(self) -> int:
        return 0

    @subscribe(Orders.Placed)
    async def note(self, event: Orders.Placed) -> None: ...

    @subscribe(Orders.Placed, on_failure="skip")
    async def count_them(self, event: Orders.Placed) -> None: ...


def placed(number: int, key: str = "ada", **more: Any) -> Envelope:
    values: dict[str, Any] = {
        "id": f"event-{number}", "type": "orders.Placed", "source": "/shop/orders", "subject": key,
        "time": NOON + timedelta(minutes=number), "version": 1, "data": b"{}", "content_type": JSON,
    }  # fmt: skip
    return Envelope(**{**values, **more})


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """A database in which nothing of events is yet."""
    database = Database.open(tmp_path / "shop.db")
    await database.start()
    yield database
    await database.close()


async def keep(db: Database, number: int, state: State, key: str = "ada", subscription: str = "note") -> None:
    async with db.separate("a test") as transaction:
        await transaction.prepare(TABLES)
        failure = None if state is State.WAITING else Failure("ValueError: no")
        await Shelf(subscription, "wait").keep(
            transaction, placed(number, key), state, NOON, wait=60, tries=3, failure=failure
        )


async def kept(db: Database) -> list[tuple[str, State, int]]:
    return [(each.envelope.id, each.state, each.tries) for each in await find_kept(db, Choice(), list(State))]


async def written(db: Database, *envelopes: Envelope) -> Outbox:
    outbox = Outbox(db, ORDERS)
    async with db.separate("a test") as transaction:
        await outbox.write(transaction, envelopes)
    return outbox


async def test_a_database_without_events_has_none(db: Database) -> None:
    """And gets no table by being looked at."""
    outbox = Outbox(db, ORDERS)
    assert await latest_events(outbox, Choice(), 10) == []
    assert await last_event(outbox) == 0
    assert await waiting_events(outbox, Choice(), 10) == (0, [])
    assert await find_kept(db, Choice(), list(State)) == []
    assert await count_kept(db, Choice()) == {}
    assert await retry_kept(db, Choice(), NOON) == 0
    assert await drop_kept(db, Choice(), list(State), (), NOON) == 0
    assert await lags(db, {}, 1) == []


async def test_the_latest_events_and_those_that_follow(db: Database) -> None:
    """In their order."""
    outbox = await written(db, *(placed(number) for number in range(5)))
    assert [each.envelope.id for each in await latest_events(outbox, Choice(), 2)] == ["event-3", "event-4"]
    following = Following(outbox, Choice(key="ada"))
    await following.start()
    assert await following.next(10) == []
    await written(db, placed(5), placed(7, "bob"), placed(6))
    assert [[each.envelope.id for each in await following.next(1)] for _ in range(3)] == [["event-5"], ["event-6"], []]
    count, first = await waiting_events(outbox, Choice(), 3)
    assert (count, [each.envelope.id for each in first]) == (8, ["event-0", "event-1", "event-2"])


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        (Choice(), [1, 2, 3]),
        (Choice(ids=("event-1", "event-3")), [1, 3]),
        (Choice(ids=("event_",)), []),
        (Choice(type="orders.Placed"), [1, 2]),
        (Choice(type="Placed"), [1, 2]),
        (Choice(type="laced"), []),
        (Choice(key="bob"), [2]),
        (Choice(since=NOON + timedelta(minutes=2)), [2, 3]),
        (Choice(key="ada", type="Placed"), [1]),
    ],
)
async def test_events_are_chosen(db: Database, choice: Choice, numbers: list[int]) -> None:
    """All that is given has to be true; what has a meaning in SQL has none here."""
    outbox = await written(db, placed(1), placed(2, "bob"), placed(3, type="orders.Cancelled"))
    assert [each.envelope.id for each in await latest_events(outbox, choice, 10)] == [f"event-{n}" for n in numbers]


async def test_what_was_set_aside_is_tried_again_with_all_its_tries(db: Database) -> None:
    """What only waits is left as it is."""
    await keep(db, 1, State.ASIDE)
    await keep(db, 2, State.WAITING)
    await keep(db, 3, State.RETRYING, "bob")
    assert await retry_kept(db, Choice(key="ada"), NOON) == 1
    assert await kept(db) == [
        ("event-1", State.RETRYING, 0), ("event-2", State.WAITING, 3), ("event-3", State.RETRYING, 3),
    ]  # fmt: skip
    async with db.separate("a test") as transaction:
        assert await Shelf("note", "wait").due(transaction, {0}, NOON, 10) == [("ada", 0)]


async def test_what_waited_for_an_event_that_is_dropped_goes_on(db: Database) -> None:
    """The next one of its key is due at once; those of other keys and subscriptions are not touched."""
    await keep(db, 1, State.ASIDE)
    await keep(db, 2, State.WAITING)
    await keep(db, 3, State.WAITING)
    await keep(db, 4, State.ASIDE, "bob")
    await keep(db, 1, State.ASIDE, "ada", "count_them")
    heard = subscriptions(JournalService)
    assert await drop_kept(db, Choice(key="ada", subscription="note"), (State.ASIDE,), heard, NOON) == 1
    found = {(each.subscription, each.envelope.id): each.state for each in await find_kept(db, Choice(), list(State))}
    assert found == {
        ("note", "event-2"): State.RETRYING, ("note", "event-3"): State.WAITING, ("note", "event-4"): State.ASIDE,
        ("count_them", "event-1"): State.ASIDE,
    }  # fmt: skip
    assert await count_kept(db, Choice()) == {
        "note": {State.RETRYING: 1, State.WAITING: 1, State.ASIDE: 1}, "count_them": {State.ASIDE: 1},
    }  # fmt: skip


async def test_lag_is_what_was_published_and_not_taken_in(db: Database, tmp_path: Path) -> None:
    """Counted by the two databases alone: after the cursor of each partition, without what the inbox has."""
    clock = FakeClock(NOON)
    announcer = Database.open(tmp_path / "orders.db")
    await announcer.start()
    try:
        keys = ["ada", "bob", "eve", "joe"]
        await written(announcer, *(placed(number, keys[number % 4]) for number in range(8)))
        await written(announcer, placed(8, type="orders.Cancelled"))
        inbox = Inbox(db, "note", clock, 2)
        async with db.separate("a test") as transaction:
            await transaction.prepare(TABLES)
        await inbox.begin("orders.Placed", ORDERS, None)
        [lag] = await lags(db, {ORDERS: announcer}, 2)
        assert (lag.subscription, lag.type, lag.behind, lag.oldest) == ("note", "orders.Placed", 8, NOON)

        of_first = [number for number in range(8) if partition_of(keys[number % 4], 2) == 0]
        await inbox.write({0: Cursor("log", 1, f"event-{of_first[-1]}")})
        [lag] = await lags(db, {ORDERS: announcer}, 2)
        assert lag.behind == 8 - len(of_first)
        rest = [number for number in range(8) if number not in of_first]
        async with db.separate("a test") as transaction:
            assert await inbox.take(transaction, f"event-{rest[0]}")
        await keep(db, rest[1], State.ASIDE)
        [lag] = await lags(db, {ORDERS: announcer}, 2)
        assert lag.behind == len(rest) - 1
        assert lag.oldest == NOON + timedelta(minutes=rest[1])
        assert (lag.retrying, lag.waiting, lag.aside) == (0, 0, 1)
        [lag] = await lags(db, {}, 2)
        assert lag.behind is None
    finally:
        await announcer.close()


async def test_who_hears_from_now_on_is_not_behind_with_what_was_before(db: Database, tmp_path: Path) -> None:
    """Though nobody has read it."""
    clock = FakeClock(NOON + timedelta(minutes=3))
    await written(db, *(placed(number) for number in range(6)))
    inbox = Inbox(db, "note", clock, 1)
    async with db.separate("a test") as transaction:
        await transaction.prepare(TABLES)
    await inbox.begin("orders.Placed", ORDERS, Cursor("a log in NATS", 17))
    [lag] = await lags(db, {ORDERS: db}, 1)
    assert (lag.behind, lag.oldest) == (3, NOON + timedelta(minutes=3))
