"""Several replicas of a service share its partitions."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from freestone.signals import EventAbsorbed, EventHandled, LeaseEnded, PartitionsShared


@pytest.fixture
async def replicas(rig: Any) -> Any:
    """Opens the database again, as other processes do."""
    async with contextlib.AsyncExitStack() as stack:

        async def another() -> Any:
            database = rig.opened()
            await database.start()
            stack.push_async_callback(database.close)
            return database

        rig.divide(8)
        yield another


async def shared(rig: Any, *held: Any) -> None:
    """Wait until every partition is held, each by one, and nobody has more than a share."""

    async def fairly() -> bool:
        parts = [set(it.workers._partitions.held) for it in held]
        together = sorted(partition for part in parts for partition in part)
        return together == list(range(8)) and max(map(len, parts)) <= -(-8 // len(parts))

    await rig.eventually(fairly)


async def test_two_replicas_that_start_at_once_share_the_partitions(rig: Any, place: Any, replicas: Any) -> None:
    """Each event takes effect once, in its key's order, and both have some."""
    first, second = await replicas(), await replicas()
    keys = [f"key {number % 20}" for number in range(200)]
    async with rig.listening(database=first) as one, rig.listening(database=second) as other:
        await rig.broker.publish([place(number, key) for number, key in enumerate(keys)])
        await rig.heard.handled(200)
        await shared(rig, one, other)

    entries = await rig.entries()
    assert sorted(entries) == list(range(200))
    for key in set(keys):
        own = await rig.entries(key)
        assert own == sorted(own)
    assert {len(it.partitions) for it in rig.heard.of(PartitionsShared)} >= {4}


async def test_a_replica_that_comes_later_takes_over_in_order(rig: Any, place: Any, replicas: Any) -> None:
    """What is under way in a partition is finished before it is given away; and given back when the other stops."""
    first, second = await replicas(), await replicas()
    numbers = iter(range(10_000))
    done = 0

    async def publish(count: int) -> None:
        nonlocal done
        await rig.broker.publish(
            [place(number, f"key {number % 20}") for number in (next(numbers) for _ in range(count))]
        )
        done += count

    async with rig.listening(database=first) as one:
        await publish(100)
        async with rig.listening(database=second) as other:
            for _ in range(10):
                await publish(20)
                await asyncio.sleep(0.05)
            await shared(rig, one, other)
            await publish(100)
        await publish(100)
        await rig.heard.handled(done)
        await shared(rig, one)

    entries = await rig.entries()
    assert Counter(entries) == Counter(range(done))
    for key in range(20):
        assert await rig.entries(f"key {key}") == list(range(key, done, 20))


async def test_p18_what_a_process_writes_that_has_lost_its_partition_is_refused(
    rig: Any, place: Any, replicas: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A handler that goes on though its lease is somebody else's: its token is stale, and nothing of it is written."""
    rig.seconds = 1.0
    rig.divide(1)
    here, go_on = asyncio.Event(), asyncio.Event()

    async def pause(event: Any) -> None:
        if not here.is_set():
            here.set()
            await go_on.wait()

    rig.acts.append(pause)
    first, second = await replicas(), await replicas()
    async with rig.listening(database=first) as zombie:
        await rig.broker.publish([place(1), place(2)])
        await here.wait()
        (lease,) = zombie.workers._partitions.held.values()
        for keeper in lease._keepers:  # it is paused: it neither renews its lease nor notices that it is over
            keeper.cancel()
        async with rig.listening(database=second):
            await rig.heard.handled(2)
            go_on.set()
            await rig.heard.until(lambda: zombie.workers._subscribers[0]._lanes.running == 0)
        assert [it.tries for it in rig.heard.of(EventHandled)] == [1, 1]
    assert await rig.entries() == [1, 2]
    assert "an event of ada is another process's now: the token 1 of the lease events/0 is stale" in caplog.text


@pytest.mark.parametrize("rig", ["sqlite"], indirect=True)
async def test_a_handler_that_keeps_the_lock_for_longer_than_the_lease_lasts_is_not_begun_again(
    rig: Any, place: Any
) -> None:
    """Its transaction keeps out the renewals, and everybody else who would take the partition: so it goes on."""
    rig.seconds = 0.5
    begun: list[int] = []

    async def take_long(event: Any) -> None:
        begun.append(event.number)
        (lease,) = journal.workers._partitions.held.values()
        await journal.db.execute(text("DELETE FROM entry"))  # from here on nobody else writes
        while rig.clock.monotonic() < lease._tenure.expiry:  # noqa: ASYNC110 - time is no event
            await asyncio.sleep(0.01)

    async with rig.listening() as journal:
        rig.acts.append(take_long)
        await rig.broker.publish([place(1)])
        await rig.heard.handled(1)
        await rig.broker.publish([place(2)])
        await rig.heard.handled(2)
    assert begun == [1, 2]
    assert [it.lost for it in rig.heard.of(LeaseEnded)] == [False]
    assert rig.heard.of(EventAbsorbed) == []


async def test_what_is_kept_is_worked_on_by_whoever_has_its_partition(rig: Any, place: Any, replicas: Any) -> None:
    """Also when it was kept by another process, which is gone."""

    async def fail(event: Any) -> None:
        raise RuntimeError("not here")

    first, second = await replicas(), await replicas()
    rig.acts.append(fail)
    async with rig.listening(database=first):
        await rig.broker.publish([place(1), place(2)])
        await rig.kept(2)
    rig.acts.clear()
    await rig.retry_all()
    async with rig.listening(database=second):
        await rig.broker.publish([place(3)])
        await rig.heard.handled(3)
    assert await rig.entries() == [1, 2, 3]
    assert rig.heard.of(EventAbsorbed) == []
