"""What holds of events, from the command that announces them to what their handlers have done, wherever things are.

Each check has streets of its own, so that all of them can go on at the same time; then each is also beside all that
goes wrong in the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import pytest

from freestone import errors
from freestone.cluster import NatsConnection, NatsSettings
from freestone.events.drivers import JetStreamBroker
from freestone.signals import EventAbsorbed, EventFailed, EventHandled, EventSetAside, PartitionsShared
from parcels.depot.contract import Returned
from parcels.folder import noted, witnessed

from .running import WINDOW, Place, Post

Check = Callable[[Post], Awaitable[None]]


async def check_what_is_committed_takes_effect_once(post: Post) -> None:
    """In every handler, whether its transaction announced one event or many."""
    await asyncio.gather(
        *(post.depot.ship(f"elm {number % 5}") for number in range(20)), post.depot.ship_many("oak", 30)
    )
    for handler in ("take_in", "glance"):
        assert await post.taken("oak", 30, handler) == list(range(1, 31))
        for number in range(5):
            assert await post.taken(f"elm {number}", 4, handler) == [1, 2, 3, 4]


async def check_what_is_rolled_back_is_never_heard_of(post: Post) -> None:
    """Its number is given to another, which comes alone."""
    for _ in range(3):
        with pytest.raises(Returned):
            await post.depot.ship_and_return("ash")
        await post.depot.ship("ash")
    assert await post.taken("ash", 3) == [1, 2, 3]
    assert len(await post.announced("ash")) == 3


async def check_the_order_of_a_key_is_that_of_its_commits(post: Post) -> None:
    """Also where several callers want to be the next."""

    async def ship() -> None:
        for _ in range(8):
            while True:
                try:
                    await post.depot.ship("pine")
                    break
                except errors.Aborted:  # it lost the race too often
                    await asyncio.sleep(0.02)

    await asyncio.gather(*(ship() for _ in range(4)))
    for handler in ("take_in", "glance"):
        assert await post.taken("pine", 32, handler) == list(range(1, 33))


async def check_different_keys_are_handled_at_the_same_time(post: Post) -> None:
    """Each of the two waits until the other is being handled."""
    await post.depot.ship("north", "together")
    await post.depot.ship("htron", "together")
    for street in ("north", "htron"):
        for handler in ("take_in", "glance"):
            assert await post.taken(street, 1, handler) == [1]


async def check_the_events_of_a_handler_are_of_its_transaction(post: Post) -> None:
    """They are announced once, by the try that succeeds, and in order."""
    await post.depot.ship("fir", "fragile")
    await post.depot.ship("fir")
    assert await post.confirmed("fir", 2) == [1, 2]
    assert await post.taken("fir", 2) == [1, 2]
    assert noted("fir take_in 1") >= 3
    assert {it["tries"] for _, it in witnessed(EventFailed, subscription="take_in", key="fir")} == {1, 2}


async def check_what_fails_is_tried_again_and_then_set_aside(post: Post) -> None:
    """Its key waits or goes on, as the subscription says, and others do not wait. Retried, it goes on from there."""
    await post.depot.ship("beech", "broken")
    await post.depot.ship_many("beech", 2)
    aside, _, _ = await post.kept("beech", "take_in", "aside", "waiting", "waiting")
    assert (aside.tries, aside.error) == (3, "RuntimeError: the lid is broken")
    assert await post.taken("beech", 2, "glance") == [2, 3]
    await post.kept("beech", "glance", "aside")
    await post.depot.ship("beech avenue")
    assert await post.taken("beech avenue", 1) == [1]
    assert await post.porch.taken("beech") == ()
    assert await post.confirmed("beech avenue", 1) == [1]
    assert await post.depot.confirmed("beech") == ()

    await post.mend("beech")
    assert await post.retry("beech") == 2
    assert await post.taken("beech", 3) == [1, 2, 3]
    assert await post.taken("beech", 3, "glance") == [2, 3, 1]
    assert await post.confirmed("beech", 3) == [1, 2, 3]


async def check_what_is_rejected_is_set_aside_at_once(post: Post) -> None:
    """And dropped, it is gone: what waited behind it goes on."""
    await post.depot.ship("plum", "refused")
    await post.depot.ship("plum")
    aside, _ = await post.kept("plum", "take_in", "aside", "waiting")
    assert (aside.tries, aside.error) == (1, "Reject: it ticks")
    await post.kept("plum", "glance", "aside")
    assert await post.drop("plum") == 2
    assert await post.taken("plum", 1) == [2]
    assert noted("plum take_in 1") == 1
    await post.kept("plum", "take_in")


async def check_p07_what_nobody_can_read_is_set_aside(post: Post) -> None:
    """It is neither lost nor looped on, and no handler sees it; the other events go on."""
    for street in range(3):
        await post.depot.ship_garbled(f"yew {street}")
    await post.depot.ship("yew 0")
    await post.depot.ship("yew 3")
    assert await post.taken("yew 3", 1) == [1]
    for street in range(1, 3):
        (aside,) = await post.kept(f"yew {street}", "take_in", "aside")
        assert "Expected `int`" in aside.error
        assert b"No. 1" in aside.envelope.data
        assert noted(f"yew {street} take_in No. 1") == 0
    await post.kept("yew 0", "take_in", "aside", "waiting")
    assert await post.taken("yew 0", 1, "glance") == [2]


async def check_p22_a_handler_that_hangs_is_cancelled_at_its_deadline(post: Post) -> None:
    """Each time; then the event is set aside, and that is announced."""
    await post.depot.jam("lime")
    (aside,) = await post.kept("lime", "pull", "aside")
    assert (aside.tries, aside.error) == (2, "DeadlineExceeded: porch.pull did not end by its deadline")
    assert noted("lime cancelled") == 2

    async def is_announced() -> bool:
        return len([*witnessed(EventSetAside, subscription="pull", key="lime")]) == 1

    await post.until(is_announced)


async def check_p13_what_is_delivered_twice_takes_effect_once(post: Post) -> None:
    """The broker has forgotten what it has, and takes everything a second time; the inboxes have not."""
    await post.depot.ship_many("rowan", 5)
    assert await post.taken("rowan", 5) == [1, 2, 3, 4, 5]
    await asyncio.sleep(2 * WINDOW)
    assert await post.republish() >= 5
    await post.depot.ship("rowan")
    assert await post.taken("rowan", 6) == [1, 2, 3, 4, 5, 6]
    await _absorbed(post, "rowan", 5)


async def check_what_comes_again_in_another_order_changes_nothing(post: Post) -> None:
    """As from a relay that was paused, and goes on with what another has sent since."""
    assert post.nats is not None
    await post.depot.ship_many("hazel", 5)
    assert await post.taken("hazel", 5) == [1, 2, 3, 4, 5]
    sent = [it.envelope for it in await post.announced("hazel")]
    connection = NatsConnection(NatsSettings((post.nats.url,)))
    await connection.start()
    relay = JetStreamBroker(connection, "post", announces=False)
    await relay.start()
    await asyncio.sleep(2 * WINDOW)
    await relay.publish(sent[::-1])
    await relay.close()
    await connection.close()
    await post.depot.ship("hazel")
    assert await post.taken("hazel", 6) == [1, 2, 3, 4, 5, 6]
    await _absorbed(post, "hazel", 5)


async def check_two_replicas_that_start_at_once_share_the_keys(post: Post) -> None:
    """They have migrated one database, begun one subscription, and divided the partitions; both handle some."""

    async def have_shared() -> bool:
        latest = {pid: len(it["partitions"]) for pid, it in witnessed(PartitionsShared, service="porch")}
        return [*latest.values()] == [4, 4]

    await post.until(have_shared)
    await asyncio.gather(*(post.depot.ship(f"palm {number}") for number in range(24)))
    for number in range(24):
        assert await post.taken(f"palm {number}", 1) == [1]
    handled = {it["key"]: pid for pid, it in witnessed(EventHandled, subscription="take_in")}
    assert len({handled[f"palm {number}"] for number in range(24)}) == 2


async def _absorbed(post: Post, street: str, count: int) -> None:
    """Wait until so many events of a street were absorbed by both handlers, or more often."""
    ids = {it.envelope.id for it in await post.announced(street)}

    async def were() -> bool:
        found = {(it["subscription"], it["id"]) for _, it in witnessed(EventAbsorbed) if it["id"] in ids}
        return len(found) >= 2 * count

    await post.until(were)


EVERYWHERE: Final[tuple[Check, ...]] = (
    check_what_is_committed_takes_effect_once,
    check_what_is_rolled_back_is_never_heard_of,
    check_the_order_of_a_key_is_that_of_its_commits,
    check_different_keys_are_handled_at_the_same_time,
    check_the_events_of_a_handler_are_of_its_transaction,
    check_what_fails_is_tried_again_and_then_set_aside,
    check_what_is_rejected_is_set_aside_at_once,
    check_p07_what_nobody_can_read_is_set_aside,
    check_p22_a_handler_that_hangs_is_cancelled_at_its_deadline,
)
WITH_A_BROKER: Final[tuple[Check, ...]] = (
    check_p13_what_is_delivered_twice_takes_effect_once,
    check_what_comes_again_in_another_order_changes_nothing,
)
"""Without one, the outbox is the log: what is in it is there once, and nobody sends it."""
WITH_REPLICAS: Final[tuple[Check, ...]] = (check_two_replicas_that_start_at_once_share_the_keys,)


def suite(place: Place) -> Sequence[Check]:
    """Return what holds all the time in a placement."""
    return [
        *EVERYWHERE,
        *(WITH_A_BROKER if place.broker == "nats" else ()),
        *(WITH_REPLICAS if place.topology == "cut" else ()),
    ]
