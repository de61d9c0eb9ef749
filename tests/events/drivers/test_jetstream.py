"""The stream of an application: made, kept up to date, and read by others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta

import pytest
from msgspec.structs import replace

from freestone.clock import SystemClock
from freestone.errors import ConfigurationError, Unavailable
from freestone.events import Cursor, LogLost, LogTrimmed, partition_of, to_json
from freestone.events.drivers import JetStreamBroker, StreamSettings
from freestone.events.drivers.api import NO_SUCH_STREAM, Api, Refused
from freestone.events.drivers.consumer import BATCH
from freestone.events.drivers.reading import UNKNOWN
from freestone.testing import FakeClock
from freestone.testing.conformance.broker import ORDERED, PAID, SOURCE, Bench, envelope, ids, named, read

from .conftest import Broker, Connect


async def test_the_stream_is_made_once_however_many_start_at_once(broker: Broker, api: Api) -> None:
    """Two replicas that start together do not meet in it."""
    brokers = await asyncio.gather(*(broker() for _ in range(6)))
    await asyncio.gather(*(it.publish([envelope(number)]) for number, it in enumerate(brokers)))
    assert (await api.ask("STREAM.INFO.freestone_shop"))["state"]["messages"] == 6


async def test_a_new_version_changes_the_stream_and_keeps_its_events(broker: Broker, api: Api) -> None:
    """An old one that runs beside it goes on."""
    old = await broker(settings=StreamSettings(keep=86400.0), partitions=4)
    await old.publish([envelope(1)])
    before = await api.ask("STREAM.INFO.freestone_shop")
    new = await broker(settings=StreamSettings(keep=2 * 86400.0, max_bytes=2**30, duplicate_window=60.0), partitions=16)
    after = await api.ask("STREAM.INFO.freestone_shop")
    assert after["created"] == before["created"]
    assert after["config"]["max_age"] == 2 * 86400 * 10**9
    assert (after["config"]["max_bytes"], after["config"]["duplicate_window"]) == (2**30, 60 * 10**9)
    await old.publish([envelope(2)])
    await new.publish([envelope(3)])
    assert after["state"]["messages"] == 1
    assert (await api.ask("STREAM.INFO.freestone_shop"))["state"]["messages"] == 3


async def test_readers_with_other_numbers_of_partitions_have_the_same_events(broker: Broker, bench: Bench) -> None:
    """Each its own share of the keys, whatever they were published with."""
    await bench.here.publish([envelope(number, f"key {number}") for number in range(100)])
    for count in (1, 2, 4, 16, 32, 64):
        reader = await broker("bank", partitions=count)
        found: set[str] = set()
        for share in range(0, count, max(1, count // 4)):
            some = frozenset(range(share, share + max(1, count // 4)))
            expected = [it for it in range(100) if partition_of(f"key {it}", count) in some]
            found |= set(ids(await read(bench, reader, len(expected), partitions=some)))
        assert found == set(named(*range(100)))


async def test_what_the_stream_can_never_become_is_refused(broker: Broker) -> None:
    """At the start, with what to do."""
    await broker()
    with pytest.raises(ConfigurationError) as caught:
        await broker(settings=StreamSettings(storage="memory"))
    assert str(caught.value) == (
        "events.storage: the stream freestone_shop keeps events in files, and it is to be memory; set storage back, or "
        "remove the stream with its events: nats stream rm freestone_shop"
    )
    with pytest.raises(ConfigurationError) as caught:
        await broker("bank", settings=StreamSettings(replicas=3))
    assert str(caught.value) == (
        "events.replicas: 3 servers are to keep each event, and this NATS server is alone; "
        "leave replicas out, or use a cluster"
    )


async def test_another_application_only_reads(broker: Broker, api: Api, bench: Bench) -> None:
    """It never makes the stream of somebody else, and waits until it is there."""
    await api.ask("STREAM.DELETE.freestone_shop")
    bank = await broker("bank")
    with pytest.raises(Unavailable, match="NATS does not say where the events of shop end: stream not found"):
        await bank.end(SOURCE)
    reading = asyncio.create_task(read(bench, bank, 1))
    done, _ = await asyncio.wait([reading], timeout=0.3)
    assert not done
    with pytest.raises(Refused) as caught:
        await api.ask("STREAM.INFO.freestone_shop")
    assert caught.value.code == NO_SUCH_STREAM
    await (await broker("shop")).publish([envelope(1)])
    assert ids(await reading) == named(1)


@pytest.mark.parametrize(("keep", "said"), [(3600.0, ""), (7200.0, "for 2h"), (None, "without end")])
async def test_p12_another_application_that_keeps_events_for_longer_than_they_are_remembered_is_told_of(
    broker: Broker, connect: Connect, api: Api, caplog: pytest.LogCaptureFixture, keep: float | None, said: str
) -> None:
    """Its file can't be refused here; once, with what to do."""
    shop = await broker(settings=StreamSettings(keep=keep or 3600.0))
    await shop.publish([envelope(1)])
    if keep is None:
        config = (await api.ask("STREAM.INFO.freestone_shop"))["config"]
        await api.ask("STREAM.UPDATE.freestone_shop", {**config, "max_age": 0})
    bank = JetStreamBroker(await connect(), "bank", remember=3600.0)
    for _ in range(2):
        await bank.end(SOURCE)
    errors = [it.getMessage() for it in caplog.records if it.levelno == logging.ERROR]
    assert errors == ([] if not said else [
        f"shop keeps its events {said}, and bank remembers for 1h which it had: one that is read again later could "
        "take effect twice; set [events] remember to no less"
    ])  # fmt: skip
    await bank.close()


async def test_a_reader_that_does_not_come_back_holds_no_more_than_it_asked_for(bench: Bench) -> None:
    """However many there are."""
    await bench.here.publish([envelope(number) for number in range(4 * BATCH)])
    async with contextlib.aclosing(
        bench.there.read(SOURCE, frozenset([ORDERED]), bench.all_partitions, None)
    ) as batches:
        first = await anext(batches)
        await bench.there.end(SOURCE)
        second = await anext(batches)
        assert 0 < len(first) <= 2 * BATCH
        assert 0 < len(second) <= 2 * BATCH
        found = len(first) + len(second)
        while found < 4 * BATCH:
            found += len(await anext(batches))


async def test_readers_leave_nothing_behind(bench: Bench, api: Api) -> None:
    """No consumer stays in the stream."""
    await bench.here.publish([envelope(1)])
    for _ in range(5):
        await read(bench, bench.there, 1)
    async with asyncio.timeout(20):
        while (await api.ask("STREAM.INFO.freestone_shop"))["state"]["consumer_count"]:  # one answer after the other
            pass


async def test_a_consumer_that_somebody_removes_is_made_again(bench: Bench, api: Api) -> None:
    """The reader goes on from where it was."""
    await bench.here.publish([envelope(1)])
    async with contextlib.aclosing(
        bench.there.read(SOURCE, frozenset([ORDERED]), bench.all_partitions, None)
    ) as batches:
        assert [it.cursor.id for it in await anext(batches)] == named(1)
        (name,) = (await api.ask("CONSUMER.NAMES.freestone_shop"))["consumers"]
        await api.ask(f"CONSUMER.DELETE.freestone_shop.{name}")
        await bench.here.publish([envelope(2)])
        async with asyncio.timeout(20):
            while not (found := [it.cursor.id for it in await anext(batches) if it.envelope]):
                pass
        assert found == named(2)


async def test_what_is_no_event_comes_as_one_that_nobody_decodes(
    bench: Bench, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """So that it is set aside, and neither lost nor in the way."""
    client = (await connect()).client
    await client.jetstream().publish("freestone.shop.events.orders.Ordered.7", b"no event")
    await client.jetstream().publish("freestone.shop.events.orders.Ordered.x", b"\xff", headers={"Nats-Msg-Id": "z"})
    await bench.here.publish([envelope(1)])
    with caplog.at_level(logging.WARNING, "freestone.events"):
        (first, at), (second, _), (third, _) = await read(bench, bench.there, 3)
    assert (first.id, first.type, first.content_type, first.data) == ("unknown-1", ORDERED, UNKNOWN, b"no event")
    assert (first.partition, second.id, second.partition) == (7, "z", 0)
    assert third.id == "event-1"
    assert "is no event" in caplog.text
    assert ids(await read(bench, bench.there, 2, at)) == ["z", "event-1"]


async def test_an_event_that_another_sender_has_sorted_otherwise_is_read(bench: Bench, connect: Connect) -> None:
    """By whoever has the partition that it is in, and nobody else reads it."""
    own = partition_of("ada", 8)
    bucket = (own + 1) % 8
    client = (await connect()).client
    await client.jetstream().publish(f"freestone.shop.events.orders.Ordered.{bucket}", to_json(envelope(1, "ada")))
    ((found, _),) = await read(bench, bench.there, 1, partitions=frozenset([bucket]))
    assert (found.id, found.subject, found.partition) == ("event-1", "ada", bucket)


async def test_an_event_that_was_removed_by_hand_is_a_cursor_that_nobody_knows(bench: Bench, api: Api) -> None:
    """It can't be told from a log with another past; the inbox absorbs what comes again."""
    await bench.here.publish([envelope(number, type_=PAID) for number in range(3)])
    found = await read(bench, bench.there, 3)
    await api.ask("STREAM.MSG.DELETE.freestone_shop", {"seq": found[1][1].position})
    with pytest.raises(LogLost, match="at 2 was event-1, and now is nothing"):
        await read(bench, bench.there, 1, found[1][1])
    unknown = Cursor(found[1][1].log, found[1][1].position)
    assert ids(await read(bench, bench.there, 1, unknown)) == named(2)


async def test_a_place_in_a_publishers_own_log_says_that_the_broker_is_another(bench: Bench) -> None:
    """Nothing is lost: the application ran in one process before."""
    await bench.here.publish([envelope(1)])
    with pytest.raises(LogLost, match="NATS carries them now, in the stream freestone_shop") as caught:
        await read(bench, bench.there, 1, Cursor("01a21529a0ba7083a7b0baa24ab37f1b", 3, "event-3"))
    assert caught.value.moved
    with pytest.raises(LogLost, match="was made anew") as caught:
        await read(bench, bench.there, 1, Cursor("2026-11-25T00:00:00.5Z", 3, "event-3"))
    assert not caught.value.moved


@pytest.mark.parametrize("atomic", [True, False])
async def test_p37_a_full_stream_keeps_what_it_has_and_takes_the_rest_when_it_has_room(
    broker: Broker, api: Api, bench: Bench, atomic: bool
) -> None:
    """What there is no room for is not there; nobody can take it for an event that is too large, or for sent."""
    await api.ask("STREAM.DELETE.freestone_shop")
    full = await broker(settings=StreamSettings(max_bytes=200_000, atomic=atomic), patience=0.5)
    large = [replace(envelope(number), data=b'"' + b"x" * 50_000 + b'"') for number in range(8)]
    await full.publish(large[:2])
    with pytest.raises(Unavailable, match="the stream freestone_shop is full, and keeps what it has"):
        await full.publish(large[2:])
    assert ids(await read(bench, bench.there, 2))[:2] == named(0, 1)
    assert (await api.ask("STREAM.INFO.freestone_shop"))["state"]["bytes"] <= 200_000
    roomier = await broker(settings=StreamSettings(max_bytes=2**20, atomic=atomic))
    await roomier.publish(large[2:])
    assert ids(await read(bench, bench.there, 8)) == named(*range(8))


async def test_a_reader_that_retention_catches_up_with_is_told(connect: Connect, api: Api, bench: Bench) -> None:
    """It is so far behind that what comes next was removed before it came."""
    tomorrow = FakeClock(SystemClock().now() + timedelta(days=1))
    late = JetStreamBroker(await connect(), "shop", clock=tomorrow)
    await bench.here.publish([envelope(number) for number in range(4 * BATCH)])
    found: list[Cursor] = []

    async def read_slowly() -> None:
        async with contextlib.aclosing(late.read(SOURCE, frozenset([ORDERED]), bench.all_partitions, None)) as batches:
            async for batch in batches:
                if not found:
                    await api.ask("STREAM.PURGE.freestone_shop", {"seq": 4 * BATCH})
                found.extend(it.cursor for it in batch)

    with pytest.raises(LogTrimmed, match=f"to {4 * BATCH - 1} are gone") as caught:
        await read_slowly()
    assert caught.value.after.position == 4 * BATCH - 1
    assert ids(await read(bench, bench.there, 1, caught.value.after)) == named(4 * BATCH - 1)
    await late.close()


async def test_a_reader_that_is_cancelled_ends_whatever_it_was_about(bench: Bench) -> None:
    """In the moment of an answer too, which nats-py takes for a reason to go on."""
    await bench.here.publish([envelope(number) for number in range(5)])

    async def read_for_ever() -> None:
        async with contextlib.aclosing(
            bench.there.read(SOURCE, frozenset([ORDERED]), frozenset([0, 1]), None)
        ) as batches:
            async for _ in batches:
                pass

    for turns in range(300):
        reading = asyncio.create_task(read_for_ever())
        for _ in range(turns % 60):
            await asyncio.sleep(0)
        reading.cancel()
        done, _ = await asyncio.wait([reading], timeout=20)
        assert done, f"after {turns % 60} turns of the loop it went on"
