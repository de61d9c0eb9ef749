"""A service hears events: each takes effect once, those of a key in order, whatever fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from freestone.clock import SystemClock
from freestone.contract import Contract, query
from freestone.data import Database
from freestone.errors import Aborted, Reject, Unavailable
from freestone.events import LogLost, forget_subscription, remembers, subscribe
from freestone.events.inbox import CURSOR, INBOX
from freestone.events.kept import KEPT, Shelf
from freestone.service import MOST_REPETITIONS, current, service
from freestone.signals import (
    EventAbsorbed,
    EventFailed,
    EventSetAside,
    EventsMissed,
    EventWaits,
    HandlerRepeated,
    LogReadAgain,
    SubscriptionVanished,
)


async def rows(rig: Any, table: Any) -> list[Any]:
    """Return what the service's database has in a table of the framework."""
    async with rig.db.separate("the test", read_only=True) as transaction:
        result = await transaction.run(lambda session: session.execute(select(table)))
        return list(result.all())


def fails(times: int, numbers: set[int], error: Callable[[], Exception] = lambda: RuntimeError("broken")) -> Any:
    """Return an act that fails so many times for events of those numbers."""
    left = dict.fromkeys(numbers, times)

    async def act(event: Any) -> None:
        if left.get(event.number, 0) > 0:
            left[event.number] -= 1
            raise error()

    return act


async def test_what_is_published_takes_effect(rig: Any, place: Any) -> None:
    """Events of one key in their order."""
    async with rig.listening():
        await rig.broker.publish([place(number, f"key {number % 3}") for number in range(60)])
        await rig.heard.handled(60)

    assert sorted(await rig.entries()) == list(range(60))
    for key in range(3):
        assert await rig.entries(f"key {key}") == list(range(key, 60, 3))


async def test_p10_what_failed_is_delivered_again(rig: Any, place: Any) -> None:
    """The inbox and the effect are one transaction: a failure leaves neither, and the next try has both."""

    async def broken_off(event: Any) -> None:
        await rig.instance.db.execute(select(1))  # the transaction is open
        if not rig.heard.of(EventFailed):
            raise RuntimeError("after its first statement")

    rig.acts.append(broken_off)
    async with rig.listening() as rig.instance:
        await rig.broker.publish([place(1)])
        await rig.heard.handled(1)

    (failed,) = rig.heard.of(EventFailed)
    assert failed.error == "RuntimeError: after its first statement"
    assert await rig.entries() == [1]
    assert len(await rows(rig, INBOX)) == 1
    assert await rows(rig, KEPT) == []


async def test_p10_an_event_that_was_under_way_in_a_crash_is_delivered_again(rig: Any, place: Any) -> None:
    """The cursor has not passed it, so whoever starts next reads it."""
    hangs, here = asyncio.Event(), asyncio.Event()

    async def hang(event: Any) -> None:
        here.set()
        await hangs.wait()

    rig.acts.append(hang)
    async with rig.listening(drain=0.0):  # is stopped without a moment for what runs
        await rig.broker.publish([place(1), place(2)])
        await here.wait()
    assert await rig.entries() == []

    hangs.set()
    async with rig.listening():
        await rig.heard.handled(2)
    assert await rig.entries() == [1, 2]


async def test_a_duplicate_takes_no_effect(rig: Any, place: Any) -> None:
    """However late it comes, and also beside the original."""
    async with rig.listening():
        for number in (1, 1, 2, 1, 2):
            rig.broker.append(place(number))
        await rig.heard.count(EventAbsorbed, 3)
        await rig.heard.handled(2)
    async with rig.listening():
        rig.broker.append(place(2))
        rig.broker.append(place(3))
        await rig.heard.handled(3)

    assert await rig.entries() == [1, 2, 3]
    assert len(rig.heard.of(EventAbsorbed)) >= 4


class Twice(Contract):
    @query
    async def nothing(self) -> None: ...


async def test_p11_two_subscriptions_of_one_event_both_have_it(rig: Any, place: Any, journal: Any) -> None:
    """What is remembered is that this subscription has taken in this event."""
    orders = journal.orders

    @service
    class TwiceService(Twice):
        db: Database

        async def nothing(self) -> None: ...

        @subscribe(orders.Placed, start="beginning")
        async def first(self, event: Any) -> None:
            seen.append(("first", event.number))

        @subscribe(orders.Placed, start="beginning")
        async def second(self, event: Any) -> None:
            seen.append(("second", event.number))

    seen: list[tuple[str, int]] = []
    async with rig.listening(TwiceService):
        await rig.broker.publish([place(1)])
        await rig.heard.handled(2)
    assert sorted(seen) == [("first", 1), ("second", 1)]


async def test_p07_a_poison_event_blocks_neither_other_keys_nor_the_cursor(rig: Any, place: Any) -> None:
    """It is tried a bounded number of times, and set aside with its error; later events of its key wait, in order."""
    poison = set(range(100, 130))
    rig.acts.append(fails(99, poison, lambda: ValueError("poison")))
    async with rig.listening():
        await rig.broker.publish([*(place(number, f"poisoned {number}") for number in poison), place(1), place(2)])
        await rig.broker.publish([place(200, "poisoned 100"), place(201, "poisoned 100")])
        await rig.heard.handled(2)
        await rig.heard.count(EventSetAside, 30)
        await rig.heard.count(EventWaits, 2)

    assert await rig.entries() == [1, 2]
    aside = rig.heard.of(EventSetAside)
    assert {(it.tries, it.error) for it in aside} == {(3, "ValueError: poison")}
    kept = await rows(rig, KEPT)
    assert sorted(row.state for row in kept) == ["aside"] * 30 + ["waiting"] * 2
    assert all("raise error()" in row.trace for row in kept if row.state == "aside")
    (cursor,) = await rows(rig, CURSOR)
    assert cursor.position == 34


async def test_an_event_that_fails_for_a_while_keeps_its_place(rig: Any, place: Any) -> None:
    """Those that came meanwhile wait behind it, and follow in their order."""
    rig.acts.append(fails(2, {1}))
    async with rig.listening():
        await rig.broker.publish([place(number) for number in range(6)])
        await rig.heard.handled(6)
        assert len(rig.heard.of(EventFailed)) == 2
        await rig.broker.publish([place(6)])
        await rig.heard.handled(7)

    assert await rig.entries() == [0, 1, 2, 3, 4, 5, 6]
    assert await rows(rig, KEPT) == []


async def test_what_waits_waits_across_a_restart(rig: Any, place: Any) -> None:
    """And a process that starts later knows that the key is blocked, and what is due."""
    rig.acts.append(fails(99, {1}))
    async with rig.listening():
        await rig.broker.publish([place(1), place(2)])
        await rig.heard.count(EventSetAside, 1)
        await rig.heard.count(EventWaits, 1)
    rig.acts.clear()
    async with rig.listening():
        await rig.broker.publish([place(3), place(4, "bob")])
        await rig.heard.handled(1)
        await rig.heard.count(EventWaits, 2)
        assert await rig.entries() == [4]
        await rig.retry_all()
        await rig.heard.handled(4)
    assert await rig.entries("ada") == [1, 2, 3]


async def test_p13_what_is_tried_again_really_is(rig: Any, place: Any) -> None:
    """It is handled out of the subscriber's own table, where no broker's window can swallow it."""
    rig.acts.append(fails(3, {1}))
    async with rig.listening():
        await rig.broker.publish([place(1)])
        await rig.heard.count(EventSetAside, 1)
        await rig.broker.publish([place(1)])  # which the broker absorbs
        await rig.retry_all()
        await rig.heard.handled(1)
    assert await rig.entries() == [1]


async def test_a_lost_race_is_no_failure_of_the_event(rig: Any, place: Any) -> None:
    """Its handler is run again in its place, more often than a caller would wait for, and nothing has to line up."""

    def lost() -> Aborted:
        error = Aborted("the database was changed by another transaction at the same time")
        error.lost_race = True
        return error

    rig.acts.append(fails(MOST_REPETITIONS + 2, {1}, lost))
    async with rig.listening():
        await rig.broker.publish([place(1), place(2)])
        await rig.heard.handled(2)

    assert len(rig.heard.of(HandlerRepeated)) >= MOST_REPETITIONS + 2
    assert (rig.heard.of(EventFailed), rig.heard.of(EventWaits)) == ([], [])
    assert await rig.entries() == [1, 2]


async def test_a_rejected_event_is_set_aside_at_once(rig: Any, place: Any) -> None:
    """It will never be handled, so it is not tried again."""
    rig.acts.append(fails(1, {1}, lambda: Reject("order 1 is in a currency that nobody uses")))
    async with rig.listening():
        await rig.broker.publish([place(1)])
        await rig.heard.count(EventSetAside, 1)

    (aside,) = rig.heard.of(EventSetAside)
    assert (aside.tries, aside.error) == (1, "Reject: order 1 is in a currency that nobody uses")


async def test_an_error_that_no_database_takes_as_it_is_is_kept_all_the_same(rig: Any, place: Any) -> None:
    """A zero, or half of a character, as in a message that quotes what it could not read."""
    rig.acts.append(fails(1, {1}, lambda: Reject("\0 and \udcff")))
    async with rig.listening():
        await rig.broker.publish([place(1), place(2, "bob")])
        await rig.heard.count(EventSetAside, 1)
        await rig.heard.handled(1)

    (row,) = await rows(rig, KEPT)
    assert row.error == "Reject: \\x00 and \\udcff"
    assert "\\x00 and \\udcff" in row.trace


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words for it")


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (asyncio.CancelledError, "Cancelled: journal.note cancelled itself"),
        (Mute, "Mute"),
    ],
)
async def test_whatever_a_handler_raises_is_a_failure(rig: Any, place: Any, error: Any, kept: str) -> None:
    """Also that something which it waited for was cancelled, or an error that can't say what it is."""
    rig.acts.append(fails(3, {1}, error))
    async with rig.listening():
        await rig.broker.publish([place(1), place(2), place(3, "bob")])
        await rig.heard.count(EventSetAside, 1)
        await rig.heard.count(EventWaits, 1)
        await rig.heard.handled(1)
    assert {it.error for it in rig.heard.of(EventFailed)} == {kept}
    assert await rig.entries() == [3]


async def test_a_key_goes_on_if_the_subscription_says_so(rig: Any, place: Any, journal: Any) -> None:
    """While it is retrying the others wait; once it is aside they go on. Retried, it is handled after them."""

    @service
    class SkippingService(journal.journal):  # type: ignore[name-defined, misc]
        db: Database

        async def count(self):  # type: ignore[no-untyped-def]
            return 0

        @subscribe(journal.orders.Placed, start="beginning", backoff=0.02, tries=3, on_failure="skip")
        async def note(self, event: Any) -> None:
            for act in self.acts:  # type: ignore[attr-defined]
                await act(event)
            self.db.add(journal.row(key=event.customer, number=event.number))

    rig.acts.append(fails(99, {1}))
    async with rig.listening(SkippingService):
        await rig.broker.publish([place(1), place(2), place(3)])
        await rig.heard.handled(2)
        await rig.broker.publish([place(4)])
        await rig.heard.handled(3)
        assert await rig.entries() == [2, 3, 4]
        assert [row.state for row in await rows(rig, KEPT)] == ["aside"]
        assert len(rig.heard.of(EventFailed)) == 2

        rig.acts.clear()
        await rig.retry_all()
        await rig.heard.handled(4)
    assert await rig.entries() == [2, 3, 4, 1]
    assert await rows(rig, KEPT) == []


@pytest.mark.parametrize(("data", "version", "error"), [
    (b"\\xff\\x00 no JSON", 1, "Malformed: orders.Placed does not decode"),
    (b'{"customer": "ada", "number": "many"}', 1, "Expected `int`"),
    (b'{"customer": "ada", "number": 1}', 2, "deploy the newer contract here"),
])  # fmt: skip
async def test_an_event_that_does_not_decode_is_set_aside(
    rig: Any, place: Any, data: bytes, version: int, error: str
) -> None:
    """Not lost, and not looped on."""
    async with rig.listening():
        await rig.broker.publish([place(1, data=data, version=version), place(2, "bob")])
        await rig.heard.handled(1)
        await rig.heard.count(EventSetAside, 1)

    (row,) = await rows(rig, KEPT)
    assert (row.state, row.tries, row.data) == ("aside", 1, data)
    assert error.removeprefix("Malformed: ") in row.error


async def test_p22_a_handler_that_always_hangs_ends_set_aside_and_announced(
    rig: Any, place: Any, journal: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is cancelled at its deadline; after its tries there is a row, a signal to count, and an error in the log."""
    cancelled: list[int] = []

    @service
    class HangingService(journal.journal):  # type: ignore[name-defined, misc]
        db: Database

        async def count(self):  # type: ignore[no-untyped-def]
            return 0

        @subscribe(journal.orders.Placed, start="beginning", backoff=0.01, tries=2, deadline="50ms")
        async def note(self, event: Any) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(event.number)
                raise

    async with rig.listening(HangingService):
        await rig.broker.publish([place(1)])
        await rig.heard.count(EventSetAside, 1)

    assert cancelled == [1, 1]
    (aside,) = rig.heard.of(EventSetAside)
    assert aside.error == "DeadlineExceeded: journal.note did not end by its deadline"
    assert "is set aside after try 2" in caplog.text


async def test_p21_a_slow_handler_is_not_given_the_event_twice(rig: Any, place: Any) -> None:
    """Nobody waits for an acknowledgement: what is delivered again while it runs is absorbed."""
    here, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(event: Any) -> None:
        runs.append(event.number)
        here.set()
        await go_on.wait()

    runs: list[int] = []
    rig.acts.append(slowly)
    async with rig.listening():
        await rig.broker.publish([place(1)])
        await here.wait()
        rig.broker.append(place(1))
        rig.broker.append(place(2, "bob"))

        async def both_run() -> bool:
            return len(runs) == 2

        await rig.eventually(both_run)
        go_on.set()
        await rig.heard.handled(2)
        await rig.heard.count(EventAbsorbed, 1)
    assert sorted(await rig.entries()) == [1, 2]


async def test_keys_are_handled_at_the_same_time_and_no_more_than_so_many(rig: Any, place: Any, journal: Any) -> None:
    """As many as ``concurrency`` says; the others wait for their turn."""
    running: list[int] = []
    most: list[int] = []
    full = asyncio.Event()

    @service
    class WideService(journal.journal):  # type: ignore[name-defined, misc]
        db: Database

        async def count(self):  # type: ignore[no-untyped-def]
            return 0

        @subscribe(journal.orders.Placed, start="beginning", concurrency=3)
        async def note(self, event: Any) -> None:
            running.append(event.number)
            most.append(len(running))
            if len(running) == 3:
                full.set()
            await full.wait()
            await asyncio.sleep(0)
            running.remove(event.number)

    async with rig.listening(WideService):
        await rig.broker.publish([place(number, f"key {number}") for number in range(30)])
        await rig.heard.handled(30)
    assert max(most) == 3


async def test_what_is_held_in_memory_is_bounded(rig: Any, place: Any) -> None:
    """Nothing more is read while as many events wait as may; when there is room, all of them come."""
    go_on = asyncio.Event()

    async def wait(event: Any) -> None:
        await go_on.wait()

    rig.acts.append(wait)
    async with rig.listening() as it:
        await rig.broker.publish([place(number) for number in range(400)])
        lanes = it.workers._subscribers[0]._lanes

        async def is_full() -> bool:
            return not lanes.has_room

        await rig.eventually(is_full)
        assert len(lanes) == 256
        go_on.set()
        await rig.heard.handled(400)
    assert await rig.entries() == list(range(400))


async def test_a_stop_lets_what_runs_finish(rig: Any, place: Any) -> None:
    """What has not begun is left for whoever starts next."""
    here, go_on = asyncio.Event(), asyncio.Event()

    async def wait(event: Any) -> None:
        here.set()
        await go_on.wait()

    rig.acts.append(wait)
    async with rig.listening() as it:
        await rig.broker.publish([place(1), place(2)])
        await here.wait()
        stopping = asyncio.create_task(it.workers.stop(20))
        await asyncio.sleep(0)
        go_on.set()
        await stopping
        assert await rig.entries() == [1]
    async with rig.listening():
        await rig.heard.handled(2)
    assert await rig.entries() == [1, 2]


class Late(Contract):
    @query
    async def nothing(self) -> None: ...


async def test_a_subscription_that_is_added_later_begins_where_it_says(rig: Any, place: Any, journal: Any) -> None:
    """At the beginning of the log, or with what is published from when the service has started; and later goes on."""
    seen: dict[str, list[int]] = {"all": [], "new": []}

    @service
    class LateService(Late):
        db: Database

        async def nothing(self) -> None: ...

        @subscribe(journal.orders.Placed, start="beginning")
        async def all(self, event: Any) -> None:
            seen["all"].append(event.number)

        @subscribe(journal.orders.Placed, start="now")
        async def new(self, event: Any) -> None:
            seen["new"].append(event.number)

    await rig.broker.publish([place(1), place(2)])
    async with rig.listening(LateService):
        await rig.broker.publish([place(3)])
        await rig.heard.handled(4)
    await rig.broker.publish([place(4)])
    async with rig.listening(LateService):
        await rig.heard.handled(6)
    assert seen == {"all": [1, 2, 3, 4], "new": [3, 4]}


async def test_where_it_begins_is_of_no_account_to_one_that_has_begun(rig: Any, place: Any, journal: Any) -> None:
    """Declared otherwise, it goes on with what is from before it began, also when the log is read anew."""

    @service
    class NowService(journal.journal):  # type: ignore[name-defined, misc]
        db: Database

        async def count(self):  # type: ignore[no-untyped-def]
            return 0

        @subscribe(journal.orders.Placed, start="now")
        async def note(self, event: Any) -> None:
            self.db.add(journal.row(key=event.customer, number=event.number))

    here, never = asyncio.Event(), asyncio.Event()

    async def hang(event: Any) -> None:
        here.set()
        await never.wait()

    yesterday = datetime.now(UTC) - timedelta(days=1)
    rig.acts.append(hang)
    async with rig.listening(drain=0.0):
        await rig.broker.publish([place(number, time=yesterday) for number in (1, 2)])
        await here.wait()
    async with rig.listening(NowService):
        await rig.heard.handled(2)
    rig.broker.lose()
    async with rig.listening(NowService):
        await rig.broker.publish([place(number, time=yesterday) for number in (1, 2, 3)])
        await rig.heard.handled(3)
    assert await rig.entries() == [1, 2, 3]


async def test_one_that_hears_from_now_on_passes_over_what_is_older_in_a_log_that_is_read_anew(
    rig: Any, place: Any, journal: Any
) -> None:
    """However it is declared by then."""
    numbers: list[int] = []

    def declared(start: Any) -> Any:
        @service
        class SomeService(Late):
            db: Database

            async def nothing(self) -> None: ...

            @subscribe(journal.orders.Placed, start=start)
            async def hear(self, event: Any) -> None:
                numbers.append(event.number)

        return SomeService

    old = place(1, time=datetime.now(UTC) - timedelta(days=1))
    await rig.broker.publish([old])
    async with rig.listening(declared("now")):
        await rig.broker.publish([place(2)])
        await rig.heard.handled(1)
    rig.broker.lose()
    for turn in (3, 4):  # the log is read anew, and then from where that came to
        async with rig.listening(declared("beginning")):
            await rig.broker.publish([old, place(2), place(turn)])
            await rig.heard.handled(turn - 1)
    assert numbers == [2, 3, 4]


async def test_a_renamed_handler_is_told_loudly_and_keeps_its_place_under_its_name(
    rig: Any, place: Any, journal: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Without ``name=`` it is another subscription; the start says so, and what to do."""

    def renamed(**options: Any) -> Any:
        @service
        class RenamedService(Late):
            db: Database

            async def nothing(self) -> None: ...

            @subscribe(journal.orders.Placed, start="beginning", **options)
            async def write_down(self, event: Any) -> None:
                seen.append(event.number)

        return RenamedService

    seen: list[int] = []
    async with rig.listening():
        await rig.broker.publish([place(1)])
        await rig.heard.handled(1)
    async with rig.listening(renamed(name="note")):
        await rig.broker.publish([place(2)])
        await rig.heard.handled(2)
    assert seen == [2]
    assert rig.heard.of(SubscriptionVanished) == []

    async with rig.listening(renamed()):
        await rig.heard.handled(4)
    assert seen == [2, 1, 2]
    assert rig.heard.of(SubscriptionVanished) == [SubscriptionVanished("journal", "note")]
    assert "journal was subscribed to events as note, and is no more" in caplog.text
    assert 'say name="note" in its @subscribe' in caplog.text
    assert "`freestone events forget journal.note`" in caplog.text

    await forget_subscription(rig.db, "note")
    assert not await remembers(rig.db, "note")
    for table in (INBOX, CURSOR):
        assert {row.subscription for row in await rows(rig, table)} == {"write_down"}
    rig.heard.signals.clear()
    async with rig.listening(renamed()):
        pass
    assert rig.heard.of(SubscriptionVanished) == []


async def test_a_log_that_was_lost_is_read_from_its_beginning(rig: Any, place: Any) -> None:
    """The inbox absorbs what is known, and the rest takes effect."""
    async with rig.listening():
        await rig.broker.publish([place(number) for number in range(5)])
        await rig.heard.handled(5)
    rig.broker.lose()
    await rig.broker.publish([place(number) for number in range(2, 8)])
    async with rig.listening():
        await rig.heard.handled(8)
    assert await rig.entries() == list(range(8))
    assert len(rig.heard.of(LogReadAgain)) == 1
    assert len(rig.heard.of(EventAbsorbed)) == 3


@pytest.mark.parametrize("moved", [True, False])
async def test_only_a_log_that_was_lost_is_an_error(
    rig: Any, place: Any, caplog: pytest.LogCaptureFixture, moved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs an application in several processes after it ran in one has lost nothing, and is told once."""
    caplog.set_level(logging.INFO, "freestone.events")
    async with rig.listening():
        await rig.broker.publish([place(1)])
        await rig.heard.handled(1)
    refusals = [LogLost("another log", moved=moved), LogLost("another log", moved=moved)]
    read = rig.broker.read

    def refuse(*arguments: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return read(*arguments)

    monkeypatch.setattr(rig.broker, "read", refuse)
    async with rig.listening():
        await rig.broker.publish([place(2)])
        await rig.heard.handled(2)
    assert not refusals
    said = [it for it in caplog.records if "from their beginning" in it.message]
    assert [(it.levelname, it.message) for it in said] == [
        (
            "INFO" if moved else "ERROR",
            "note reads its events from their beginning, and absorbs what it knows: another log",
        )
    ]


async def test_a_log_that_was_put_back_is_read_from_its_beginning(rig: Any, place: Any) -> None:
    """As after a restored backup: other events have the places of those that were read."""
    async with rig.listening():
        await rig.broker.publish([place(number) for number in range(5)])
        await rig.heard.handled(5)
    rig.broker.go_back(2)
    await rig.broker.publish([place(number) for number in (10, 11, 12, 13)])
    async with rig.listening():
        await rig.heard.handled(9)
    assert await rig.entries() == [0, 1, 2, 3, 4, 10, 11, 12, 13]
    assert len(rig.heard.of(LogReadAgain)) == 1


async def test_a_log_that_ended_behind_a_subscription_is_told_loudly(
    rig: Any, place: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What is left is handled; that something is missing is an error in the log, and a signal."""
    async with rig.listening():
        await rig.broker.publish([place(1)])
        await rig.heard.handled(1)
    await rig.broker.publish([place(number) for number in range(2, 6)])
    rig.broker.trim(3)
    async with rig.listening():
        await rig.heard.handled(3)
    assert await rig.entries() == [1, 4, 5]
    (missed,) = rig.heard.of(EventsMissed)
    assert missed.reason == "the events from 2 to 3 are gone"
    assert "note has missed events" in caplog.text


async def test_a_handler_knows_the_trace_and_has_a_key_that_stays(rig: Any, place: Any) -> None:
    """The trace is that in which the event was published; the key is the same at each repetition, and no other's."""
    contexts: list[tuple[str, str]] = []

    async def look(event: Any) -> None:
        context = current()
        contexts.append((context.trace_id, context.idempotency_key))  # type: ignore[union-attr, arg-type]
        if len(contexts) == 1:
            raise RuntimeError("once more")

    rig.acts.append(look)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with rig.listening():
        await rig.broker.publish([place(1, traceparent=trace)])
        await rig.heard.handled(1)
        await rig.broker.publish([place(2)])
        await rig.heard.handled(2)
    first, again, other = contexts
    assert first == again
    assert first[0] == "0af7651916cd43dd8448eb211c80319c"
    assert other[1] != first[1]
    assert other[0] != first[0]


async def test_what_was_taken_in_long_ago_is_forgotten(rig: Any, place: Any) -> None:
    """The inbox does not grow without end; what is still kept is not forgotten."""
    rig.acts.append(fails(99, {1}))
    rig.remember = 0.0
    async with rig.listening():
        await rig.broker.publish([place(1), place(2, "bob"), place(3, "eve")])
        await rig.heard.handled(2)
        await rig.heard.count(EventSetAside, 1)

    async def is_forgotten() -> bool:
        return len(await rows(rig, INBOX)) == 1

    async with rig.listening():
        await rig.eventually(is_forgotten)
    assert [row.event_id for row in await rows(rig, INBOX)] == ["event-1"]


@pytest.mark.parametrize("lookup", ["blocks", "head"])
async def test_a_database_that_is_away_when_a_key_is_looked_up_keeps_its_order(
    rig: Any, place: Any, lookup: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The event waits for it, in memory, and those of its key behind it; neither is passed over."""
    look = getattr(Shelf, lookup)
    away = 2

    async def unless_away(*arguments: Any) -> Any:
        nonlocal away
        if arguments[2] == "ada" and away > 0:
            away -= 1
            raise Unavailable("the database is away")
        return await look(*arguments)

    rig.acts.append(fails(99, {1}))
    async with rig.listening():
        await rig.broker.publish([place(1, "bob")])
        await rig.heard.count(EventSetAside, 1)  # so that something is kept, and each key has to be looked up
        monkeypatch.setattr(Shelf, lookup, unless_away)
        rig.acts.append(fails(1, {2}))  # the second try of which is where the first of what is kept is looked up
        await rig.broker.publish([place(number) for number in (2, 3, 4)])
        await rig.heard.handled(3)

    assert away == 0
    assert "note: an event of ada waits 0." in caplog.text
    assert await rig.entries() == [2, 3, 4]


class Calendar:
    """The system's clock, some days later."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.day = 0

    def now(self) -> datetime:
        return self._clock.now() + timedelta(days=self.day)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


async def test_p12_an_event_that_came_again_is_remembered_for_as_long_as_its_copy_is_there(
    rig: Any, place: Any
) -> None:
    """What is sent again is in the log for as long as the first one was: nobody forgets it sooner."""
    rig.clock = calendar = Calendar()
    rig.remember = 14 * 86400.0
    async with rig.listening():
        await rig.broker.publish([place(1), place(2)])
        await rig.heard.handled(2)
    calendar.day = 13
    async with rig.listening():
        rig.broker.append(place(1))
        await rig.heard.count(EventAbsorbed, 1)

    async def is_forgotten() -> bool:
        return [row.event_id for row in await rows(rig, INBOX)] == ["event-1"]

    calendar.day = 26
    rig.broker.lose()
    async with rig.listening():
        await rig.eventually(is_forgotten)
        rig.broker.append(place(1))
        rig.broker.append(place(3))
        await rig.heard.handled(3)
    assert len(rig.heard.of(EventAbsorbed)) == 2
    assert await rig.entries() == [1, 2, 3]


async def test_a_broker_that_is_down_when_a_service_starts_holds_up_nothing(rig: Any, place: Any) -> None:
    """The service starts, and hears once the broker is there."""
    rig.broker.down = True
    async with rig.listening():
        rig.broker.append(place(1))
        rig.broker.come_back()
        await rig.heard.handled(1)
    assert await rig.entries() == [1]
