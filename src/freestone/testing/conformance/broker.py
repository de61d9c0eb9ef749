"""What every ``Broker`` does.

A test of a broker makes a ``Bench``: two brokers on one log, as two processes have them, and ways to do to the log what
time and misfortune do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, final

import msgspec

from freestone.events import (
    JSON,
    MSGPACK,
    Broker,
    Cursor,
    Envelope,
    LogLost,
    LogTrimmed,
    Recorded,
    Source,
    partition_of,
)

SOURCE: Final = Source("shop", "orders")
ORDERED: Final = "orders.Ordered"
PAID: Final = "orders.Paid"
PATIENCE: Final = 30.0
"""Seconds in which what must come has come, on a machine that has other things to do."""

Announce = Callable[[Sequence[Envelope]], Awaitable[None]]
Act = Callable[[], Awaitable[None]]


@final
@dataclass(frozen=True, slots=True)
class Bench:
    """Two brokers on the log of the application ``shop``, in which nothing is yet."""

    here: Broker
    there: Broker
    announce: Announce
    """Append events, as the service ``orders`` does."""
    partitions: int
    """How many the log has for these brokers."""
    lose: Act
    """Make the log anew, as somebody does who has lost it."""
    trim: Callable[[Cursor], Awaitable[None]]
    """Remove what is before that place, and the event there, as retention does."""
    undo: Callable[[Act], Awaitable[None]] | None = None
    """Do something, and put the log back to where it was, as a restored backup does; None if nothing can do that."""
    restart: Act | None = None
    """Kill what keeps the log, and start it again; None if nothing does."""

    @property
    def all_partitions(self) -> frozenset[int]:
        """Every partition that there is."""
        return frozenset(range(self.partitions))


def envelope(number: int, key: str = "ada", type_: str = ORDERED, *, content_type: str = JSON) -> Envelope:
    """Return an event, unlike that of any other number."""
    fields = {"key": key, "number": number}
    data = msgspec.json.encode(fields) if content_type == JSON else msgspec.msgpack.encode(fields)
    return Envelope(
        id=f"event-{number}",
        type=type_,
        source="/shop/orders",
        subject=key,
        time=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=number),
        version=1,
        data=data,
        content_type=content_type,
    )


async def read(
    bench: Bench,
    broker: Broker,
    count: int,
    after: Cursor | None = None,
    types: Sequence[str] = (ORDERED, PAID),
    partitions: frozenset[int] | None = None,
) -> list[tuple[Envelope, Cursor]]:
    """Return the next events for a reader, and where they are."""
    found: list[tuple[Envelope, Cursor]] = []
    wanted = bench.all_partitions if partitions is None else partitions
    async with (
        asyncio.timeout(PATIENCE),
        contextlib.aclosing(broker.read(SOURCE, frozenset(types), wanted, after)) as batches,
    ):
        async for batch in batches:
            found += [(it.envelope, it.cursor) for it in batch if it.envelope is not None]
            if len(found) >= count:
                break
    return found[:count]


def ids(found: Sequence[tuple[Envelope, Cursor]]) -> list[str]:
    """Return the ids of events that were read."""
    return [it.id for it, _ in found]


def named(*numbers: int) -> list[str]:
    """Return the ids of the events of those numbers."""
    return [envelope(number).id for number in numbers]


async def check_what_is_announced_is_read(bench: Bench) -> None:
    """In its order, from the beginning, and as it was, in either encoding."""
    first = msgspec.structs.replace(
        envelope(1), traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate="a=b"
    )
    second = envelope(2, "käte: a/b.c *>", PAID, content_type=MSGPACK)
    await bench.announce([first, second])
    found = [msgspec.structs.replace(it, partition=0) for it, _ in await read(bench, bench.there, 2)]
    assert found == [first, second]


async def check_reading_goes_on_after_a_cursor(bench: Bench) -> None:
    """With what follows it, however often it is asked."""
    await bench.announce([envelope(number) for number in range(5)])
    found = await read(bench, bench.here, 2)
    for _ in range(2):
        assert ids(await read(bench, bench.there, 3, found[-1][1])) == named(2, 3, 4)


async def check_a_cursor_says_where_it_is(bench: Bench) -> None:
    """Positions rise, and the id is that of the event."""
    await bench.announce([envelope(number) for number in range(3)])
    found = await read(bench, bench.here, 3)
    positions = [cursor.position for _, cursor in found]
    assert positions == sorted(set(positions))
    assert positions[0] > 0
    assert [cursor.id for _, cursor in found] == named(0, 1, 2)
    assert len({cursor.log for _, cursor in found}) == 1


async def check_a_reader_waits_for_what_comes(bench: Bench) -> None:
    """And is told of it."""
    reading = asyncio.create_task(read(bench, bench.there, 2))
    await bench.announce([envelope(1)])
    await bench.announce([envelope(2)])
    assert ids(await reading) == named(1, 2)


async def check_only_what_was_asked_for_is_read(bench: Bench) -> None:
    """Of the types that were named."""
    await bench.announce([envelope(1), envelope(2, type_=PAID), envelope(3), envelope(4, type_=PAID)])
    assert ids(await read(bench, bench.here, 2, types=[PAID])) == named(2, 4)


async def check_partitions_share_the_keys(bench: Bench) -> None:
    """Each event is in one of them, which follows from its key."""
    await bench.announce([envelope(number, f"key {number % 50}") for number in range(200)])
    found: list[str] = []
    for some in _shares(bench):
        expected = [number for number in range(200) if partition_of(f"key {number % 50}", bench.partitions) in some]
        those = await read(bench, bench.there, len(expected), partitions=some)
        assert ids(those) == named(*expected)
        assert {it.partition for it, _ in those} <= some
        found += ids(those)
    assert sorted(found) == sorted(named(*range(200)))


async def check_two_readers_read_everything(bench: Bench) -> None:
    """Each for itself, at the same time."""
    readings = [asyncio.create_task(read(bench, broker, 100)) for broker in (bench.here, bench.there)]
    await bench.announce([envelope(number) for number in range(100)])
    for reading in readings:
        assert ids(await reading) == named(*range(100))


async def check_the_events_of_a_key_are_in_order(bench: Bench) -> None:
    """Also where there are many of many keys, announced in pieces."""
    for start in range(0, 600, 150):
        await bench.announce([envelope(number, f"key {number % 7}") for number in range(start, start + 150)])
    found = await read(bench, bench.there, 600)
    for key in {it.subject for it, _ in found}:
        own = [it.id for it, _ in found if it.subject == key]
        assert own == named(*(number for number in range(600) if f"key {number % 7}" == key))


async def check_from_now_on_is_what_comes_later(bench: Bench) -> None:
    """Of a log that is empty, and of one that is not."""
    start = await bench.here.end(SOURCE)
    await bench.announce([envelope(1), envelope(2)])
    assert ids(await read(bench, bench.there, 2, start)) == named(1, 2)
    later = await bench.there.end(SOURCE)
    await bench.announce([envelope(3)])
    assert ids(await read(bench, bench.here, 1, later)) == named(3)


async def check_a_log_that_was_made_anew_is_noticed(bench: Bench) -> None:
    """However many events the new one has: a cursor of the old one means nothing there."""
    await bench.announce([envelope(1), envelope(2)])
    found = await read(bench, bench.here, 2)
    await bench.lose()
    await bench.announce([envelope(number) for number in range(3, 9)])
    await _raises(bench, LogLost, found[0][1])
    assert ids(await read(bench, bench.there, 6)) == named(*range(3, 9))


async def check_a_log_that_was_trimmed_is_noticed(bench: Bench) -> None:
    """The error says where to go on, and there is the first event that is left."""
    await bench.announce([envelope(number) for number in range(6)])
    found = await read(bench, bench.here, 6)
    await bench.trim(found[3][1])
    error = await _raises(bench, LogTrimmed, found[1][1])
    assert isinstance(error, LogTrimmed)
    assert ids(await read(bench, bench.there, 2, error.after)) == named(4, 5)


async def check_what_was_read_may_be_trimmed(bench: Bench) -> None:
    """A cursor behind which nothing is missing goes on, and so does the beginning."""
    await bench.announce([envelope(number) for number in range(6)])
    found = await read(bench, bench.here, 6)
    await bench.trim(found[3][1])
    assert ids(await read(bench, bench.there, 2, found[3][1])) == named(4, 5)
    assert ids(await read(bench, bench.there, 2)) == named(4, 5)


async def check_a_reader_may_leave_at_any_time(bench: Bench) -> None:
    """While it waits, and with events that it has not looked at; the others go on."""
    waiting = bench.there.read(SOURCE, frozenset([PAID]), bench.all_partitions, None)
    wait = asyncio.ensure_future(anext(waiting))
    await bench.announce([envelope(number) for number in range(20)])
    assert len(await read(bench, bench.there, 1)) == 1
    wait.cancel()
    await asyncio.wait([wait])
    async with asyncio.timeout(PATIENCE):
        await waiting.aclose()
    assert ids(await read(bench, bench.there, 20)) == named(*range(20))


async def check_an_end_that_was_lost_is_noticed(bench: Bench) -> None:
    """The log is shorter than it was, or has gone on with other events since."""
    assert bench.undo is not None
    await bench.announce([envelope(0), envelope(1)])
    found: list[tuple[Envelope, Cursor]] = []

    async def go_on() -> None:
        await bench.announce([envelope(2), envelope(3)])
        found.extend(await read(bench, bench.here, 4))

    await bench.undo(go_on)
    await _raises(bench, LogLost, found[3][1])
    await bench.announce([envelope(number) for number in range(10, 14)])
    await _raises(bench, LogLost, found[3][1])
    assert ids(await read(bench, bench.there, 4, found[1][1])) == named(10, 11, 12, 13)


async def check_an_event_that_is_there_is_absorbed(bench: Bench) -> None:
    """Alone, among others, and in whichever order they come again."""
    events = [envelope(number, f"key {number % 3}") for number in range(6)]
    await bench.here.publish(events[:4])
    await bench.here.publish(events[3:4])
    await bench.there.publish(events)
    await bench.here.publish([*events, envelope(6)])
    assert ids(await read(bench, bench.there, 7)) == named(*range(7))


async def check_marks_go_on_where_there_is_nothing(bench: Bench) -> None:
    """A reader of what is rare learns that it has missed nothing."""
    await bench.announce([envelope(number) for number in range(5)])
    last = (await read(bench, bench.here, 5))[-1][1]
    async with (
        asyncio.timeout(PATIENCE),
        contextlib.aclosing(bench.there.read(SOURCE, frozenset([PAID]), bench.all_partitions, None)) as batches,
    ):
        mark = await anext(batches)
    assert mark[-1] == Recorded(None, last)
    await bench.trim(last)
    await bench.announce([envelope(9, type_=PAID)])
    assert ids(await read(bench, bench.there, 1, mark[-1].cursor, [PAID])) == named(9)


async def check_reading_goes_on_after_a_restart(bench: Bench) -> None:
    """By itself, with nothing missing and nothing twice, and with the cursors of before."""
    assert bench.restart is not None
    await bench.announce([envelope(number) for number in range(10)])
    reading = asyncio.create_task(read(bench, bench.there, 30))
    first = await read(bench, bench.here, 10)
    await bench.restart()
    await bench.announce([envelope(number) for number in range(10, 30)])
    assert ids(await reading) == named(*range(30))
    assert ids(await read(bench, bench.here, 20, first[-1][1])) == named(*range(10, 30))


async def check_publishing_waits_for_a_restart(bench: Bench) -> None:
    """Whatever it was doing when the log went away, it ends with every event there, once, and in order."""
    assert bench.restart is not None

    async def publish() -> None:
        for start in range(0, 300, 30):
            await bench.here.publish([envelope(number, f"key {number % 5}") for number in range(start, start + 30)])

    publishing = asyncio.create_task(publish())
    for _ in range(2):
        await bench.restart()
    await publishing
    found = await read(bench, bench.there, 300)
    assert sorted(ids(found)) == sorted(named(*range(300)))
    for key in range(5):
        own = [it.id for it, _ in found if it.subject == f"key {key}"]
        assert own == named(*range(key, 300, 5))


def _shares(bench: Bench) -> list[frozenset[int]]:
    half = bench.partitions // 2
    parts = [frozenset(range(half)), frozenset(range(half, bench.partitions))]
    return [part for part in parts if part]


async def _raises(bench: Bench, kind: type[Exception], after: Cursor) -> Exception:
    try:
        found = await read(bench, bench.there, 1, after)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised, and {ids(found)} was read after {after}")


Check = Callable[[Bench], Awaitable[None]]
CHECKS: Final[tuple[Check, ...]] = (
    check_what_is_announced_is_read,
    check_reading_goes_on_after_a_cursor,
    check_a_cursor_says_where_it_is,
    check_a_reader_waits_for_what_comes,
    check_only_what_was_asked_for_is_read,
    check_partitions_share_the_keys,
    check_two_readers_read_everything,
    check_the_events_of_a_key_are_in_order,
    check_from_now_on_is_what_comes_later,
    check_a_log_that_was_made_anew_is_noticed,
    check_a_log_that_was_trimmed_is_noticed,
    check_what_was_read_may_be_trimmed,
    check_a_reader_may_leave_at_any_time,
    check_marks_go_on_where_there_is_nothing,
)
"""The checks of every broker."""
CHECKS_OF_RESTORING: Final[tuple[Check, ...]] = (check_an_end_that_was_lost_is_noticed,)
"""Those of a broker whose log can be shorter than it was."""
CHECKS_OF_PUBLISHING: Final[tuple[Check, ...]] = (check_an_event_that_is_there_is_absorbed,)
"""Those of a broker that is published to, because its log is not the publisher's own database."""
CHECKS_OF_RESTARTS: Final[tuple[Check, ...]] = (
    check_reading_goes_on_after_a_restart,
    check_publishing_waits_for_a_restart,
)
"""Those of a broker whose log is kept by a process of its own."""
