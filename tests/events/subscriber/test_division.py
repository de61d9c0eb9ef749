"""The keys of a log are divided into another number of partitions than before: nothing is lost or done twice."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import select

from freestone.data import Database
from freestone.events import partition_of, subscribe
from freestone.events.inbox import CURSOR
from freestone.service import service
from freestone.signals import EventAbsorbed, EventFailed, EventsMissed


def keys_of(partition: int, partitions: int) -> list[str]:
    """Return some keys whose events are in a partition."""
    keys = (f"key {number}" for number in range(50))
    return [key for key in keys if partition_of(key, partitions) == partition][:5]


async def cursors(rig: Any) -> dict[tuple[int, int], int]:
    async with rig.db.separate("the test", read_only=True) as transaction:
        rows = await transaction.run(lambda session: session.execute(select(CURSOR)))
        return {(row.partition, row.partitions): row.position for row in rows}


async def test_of_partitions_that_become_one_the_nearest_place_counts(rig: Any, place: Any) -> None:
    """What a crash found unfinished in one of them is not passed over, however far the other was."""
    slow, *_ = keys_of(1, 2)
    here, never = asyncio.Event(), asyncio.Event()

    async def hang(event: Any) -> None:
        if event.customer == slow:
            here.set()
            await never.wait()

    rig.divide(2)
    rig.acts.append(hang)
    async with rig.listening(drain=0.0):  # is stopped without a moment for what runs
        await rig.broker.publish([place(0, slow), *(place(1 + n, key) for n, key in enumerate(keys_of(0, 2)))])
        await here.wait()
        await rig.heard.handled(5)
    assert await cursors(rig) == {(0, 2): 6}

    rig.acts.clear()
    rig.divide(1)
    async with rig.listening():
        await rig.heard.handled(6)
    assert sorted(await rig.entries()) == [0, 1, 2, 3, 4, 5]


async def test_a_partition_that_is_cut_keeps_its_place(rig: Any, place: Any, journal: Any) -> None:
    """Nothing is read again, and what retention has taken meanwhile is not missed."""

    @service
    class NewService(journal.journal):  # type: ignore[name-defined, misc]
        db: Database

        async def count(self):  # type: ignore[no-untyped-def]
            return 0

        @subscribe(journal.orders.Placed, start="now")
        async def note(self, event: Any) -> None:
            self.db.add(journal.row(key=event.customer, number=event.number))

    keys = [*keys_of(0, 8), *keys_of(5, 8)]
    rig.divide(2)
    await rig.broker.publish([place(99)])
    async with rig.listening(NewService):
        await rig.begun("note")
        await rig.broker.publish([place(number, key) for number, key in enumerate(keys)])
        await rig.heard.handled(10)
    assert set(await cursors(rig)) == {(0, 2), (1, 2)}

    rig.divide(8)
    rig.broker.trim(5)
    async with rig.listening(NewService):
        await rig.broker.publish([place(10 + number, key) for number, key in enumerate(keys)])
        await rig.heard.handled(20)
    assert sorted(await rig.entries()) == list(range(20))
    assert (rig.heard.of(EventAbsorbed), rig.heard.of(EventsMissed)) == ([], [])
    assert set(await cursors(rig)) == {(partition, 8) for partition in range(8)}


async def test_what_was_kept_in_a_partition_that_is_no_more_is_tried_again(rig: Any, place: Any) -> None:
    """And what has waited for it follows."""
    key = keys_of(1, 2)[0]

    async def fail(event: Any) -> None:
        raise RuntimeError("not yet")

    rig.divide(2)
    rig.acts.append(fail)
    async with rig.listening():
        await rig.broker.publish([place(1, key), place(2, key)])
        await rig.heard.count(EventFailed, 1)
        await rig.kept(2)
    rig.acts.clear()
    await rig.retry_all()
    rig.divide(1)
    async with rig.listening():
        await rig.heard.handled(2)
    assert await rig.entries() == [1, 2]
