"""Events go to a stream in batches, or one by one where that can't be."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.errors import InvalidArgument, Unavailable
from freestone.events.drivers import StreamSettings
from freestone.events.drivers.api import Api
from freestone.events.drivers.appending import MOST_BYTES, MOST_EVENTS, Message, batches
from freestone.signals import EventsAppended, EventsSent
from freestone.testing.conformance.broker import Bench, envelope, ids, named, read
from freestone.testing.nats import NatsServer

from .conftest import Broker
from .heard import Heard


@given(st.lists(st.integers(0, MOST_BYTES * 2), max_size=30), st.integers(0, 3 * MOST_EVENTS))
def test_batches_are_bounded_and_keep_the_order(sizes: list[int], small: int) -> None:
    """Whatever is in them. Nothing is left out."""
    blobs = {size: bytes(size) for size in {*sizes, 1}}
    messages = [Message("a", str(n), "k", blobs[size], "") for n, size in enumerate([*sizes, *[1] * small])]
    made = list(batches(messages))
    assert [message for batch in made for message in batch] == messages
    assert all(0 < len(batch) <= MOST_EVENTS for batch in made)
    assert all(len(batch) == 1 or sum(len(it.payload) for it in batch) <= MOST_BYTES for batch in made)


async def test_many_events_are_one_batch(bench: Bench, api: Api, heard: Heard) -> None:
    """All of a call are there or none, for one acknowledgement."""
    await bench.here.publish([envelope(number, f"key {number}") for number in range(1200)])
    assert [(it.count, it.duplicates, it.attempts) for it in heard.appended] == [(500, 0, 1), (500, 0, 1), (200, 0, 1)]
    assert ids(await read(bench, bench.there, 1200)) == named(*range(1200))


async def test_it_is_announced_that_a_batch_has_left_and_was_acknowledged(bench: Bench, heard: Heard) -> None:
    """In that order, so that somebody can look at what is between."""
    await bench.here.publish([envelope(number, f"key {number}") for number in range(9)])
    await bench.here.publish([envelope(9, "key")])
    assert [(type(it), it.count) for it in heard.told] == [
        (EventsSent, 9),
        (EventsAppended, 9),
        (EventsSent, 1),
        (EventsAppended, 1),
    ]


async def test_a_batch_with_a_duplicate_goes_one_by_one(bench: Bench, heard: Heard) -> None:
    """The server refuses it as a whole."""
    events = [envelope(number, f"key {number % 3}") for number in range(9)]
    await bench.here.publish(events[:4])
    await bench.here.publish(events)
    assert [(it.count, it.duplicates) for it in heard.appended] == [(4, 0), (9, 4)]
    assert sorted(ids(await read(bench, bench.there, 9))) == named(*range(9))


async def test_a_stream_that_takes_no_batches_gets_them_one_by_one(api: Api, broker: Broker, bench: Bench) -> None:
    """As that of an older server. Each key keeps its order."""
    await api.ask("STREAM.DELETE.freestone_shop")
    old = await broker(settings=StreamSettings(atomic=False))
    await old.publish([envelope(number, f"key {number % 3}") for number in range(90)])
    assert not (await api.ask("STREAM.INFO.freestone_shop"))["config"].get("allow_atomic")
    found = await read(bench, bench.there, 90)
    for key in range(3):
        assert [it.id for it, _ in found if it.subject == f"key {key}"] == named(*range(key, 90, 3))


async def test_a_full_stream_keeps_what_it_has_and_says_so(broker: Broker, bench: Bench) -> None:
    """Nothing that is unread is thrown away; the events stay with their publisher."""
    full = await broker(settings=StreamSettings(max_bytes=4000), patience=1)
    with pytest.raises(Unavailable, match=r"events are not known to be in NATS: the stream freestone_shop is full"):
        for number in range(0, 100, 4):
            await full.publish([envelope(number + each) for each in range(4)])
    assert ids(await read(bench, bench.there, 4)) == named(0, 1, 2, 3)
    roomy = await broker(settings=StreamSettings(max_bytes=400_000))
    await roomy.publish([envelope(1000), envelope(1001)])


async def test_an_event_that_is_too_large_is_refused(bench: Bench) -> None:
    """To try it again would be of no use, and the sentence says which it is."""
    large = envelope(1, "x" * 2**20)
    with pytest.raises(InvalidArgument, match=r"the event event-1 has \d+ bytes, and the server takes 1048576"):
        await bench.here.publish([large])


async def test_what_was_stored_without_being_acknowledged_is_absorbed(
    bench: Bench, heard: Heard, server: NatsServer
) -> None:
    """P8 and P36: it is sent again, with its id, and the stream knows it."""
    events = [envelope(number) for number in range(4)]
    publishing = asyncio.create_task(bench.here.publish(events))
    await publishing
    await server.kill()
    again = asyncio.create_task(bench.here.publish(events))
    await server.start()
    await again
    assert [(it.count, it.duplicates) for it in heard.appended] == [(4, 0), (4, 4)]
    assert ids(await read(bench, bench.there, 4)) == named(0, 1, 2, 3)
