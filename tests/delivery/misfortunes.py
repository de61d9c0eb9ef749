"""What holds when what the application stands on goes away, or the application itself: one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from freestone import deadline, errors
from freestone.signals import EventAbsorbed, EventsWaiting, RelayDelayed, SubscriptionVanished
from parcels.folder import noted, witnessed

from .running import MOST_WAITING, Place, Post
from .suite import Check


async def check_commands_go_on_while_the_broker_is_away(post: Post) -> None:
    """What they announce waits, and arrives when the broker is back: once, and in order."""
    await away(post, "birch", 0)


async def check_commands_go_on_while_the_broker_is_away_for_a_minute(post: Post) -> None:
    """Longer than anything waits for an answer of it."""
    await away(post, "cherry", 60)
    assert [*witnessed(RelayDelayed, service="depot")]


async def away(post: Post, street: str, seconds: float) -> None:
    """Kill the broker, and start it again when commands were accepted meanwhile, and after that many seconds."""
    assert post.nats is not None
    await post.depot.ship_many(street, 10)
    await post.nats.kill()
    for _ in range(30):
        await post.depot.ship(street)
    assert await post.waiting() >= 30
    await asyncio.sleep(seconds)
    await post.nats.start()
    for handler in ("take_in", "glance"):
        assert await post.taken(street, 40, handler) == list(range(1, 41))
    assert await post.confirmed(street, 40) == list(range(1, 41))


async def check_a_full_outbox_refuses_and_takes_again(post: Post) -> None:
    """Then only commands that announce more are refused, before they have done anything, and told when to ask again."""
    assert post.nats is not None
    await post.nats.kill()
    shipped = await post.depot.ship_many("cedar", MOST_WAITING)
    refused: list[errors.ResourceExhausted] = []

    async def is_refused() -> bool:
        nonlocal shipped
        try:
            async with deadline(2):  # in which the client does not ask again
                shipped = await post.depot.ship("cedar")
        except errors.ResourceExhausted as error:
            refused.append(error)
        return bool(refused)

    await post.until(is_refused)
    assert "events of depot wait in its outbox for the broker, and no more may" in str(refused[0])
    assert refused[0].retry_after
    assert await post.depot.shipped("cedar") == shipped
    await post.nats.start()

    async def is_taken_again() -> bool:
        refused.clear()
        return not await is_refused()

    await post.until(is_taken_again)
    assert await post.taken("cedar", shipped) == list(range(1, shipped + 1))
    assert [it["full"] for _, it in witnessed(EventsWaiting, service="depot")] == [True, False]


async def check_what_a_broker_has_lost_is_sent_again(post: Post) -> None:
    """It comes back with nothing of what it had. Sent again from the outbox, the rest arrives, and nothing twice."""
    await post.depot.ship_many("maple", 5)
    assert await post.taken("maple", 5) == [1, 2, 3, 4, 5]
    await post.depot.ship("maple", "broken")
    await post.kept("maple", "take_in", "aside")
    await post.lose_broker()
    await post.depot.ship_many("maple", 4)
    await post.republish()
    await post.kept("maple", "take_in", "aside", *["waiting"] * 4)
    await post.mend("maple")
    await post.retry("maple")
    assert await post.taken("maple", 10) == list(range(1, 11))


async def check_a_database_that_is_killed_loses_nothing(post: Post) -> None:
    """Neither of what was answered, nor of what was being handled. What it misses meanwhile is told to the caller."""
    assert post.postgres is not None
    await post.depot.ship_many("larch", 40)
    await post.postgres.kill()
    assert await post.ship("larch") is None
    await post.postgres.start()
    accepted = 0
    async with asyncio.timeout(60):
        while accepted < 20:
            accepted += await post.ship("larch") is not None
    await post.postgres.kill()
    await post.postgres.start()

    async def has_counted() -> bool:
        nonlocal accepted
        accepted = await post.depot.shipped("larch")
        return True

    await post.until(has_counted)
    assert accepted >= 60
    for handler in ("take_in", "glance"):
        assert await post.taken("larch", accepted, handler) == list(range(1, accepted + 1))
    assert await post.confirmed("larch", accepted) == list(range(1, accepted + 1))


async def check_a_killed_application_goes_on_in_its_next_version(post: Post) -> None:
    """What it was doing is done by the next, also by a handler that was renamed and kept its name; a handler without
    it, and one that is new, begin where they say."""
    await post.depot.ship_many("willow", 10)
    assert await post.taken("willow", 10) == list(range(1, 11))
    assert await post.confirmed("willow", 10) == list(range(1, 11))
    await post.depot.ship("willow", "held")
    await post.depot.ship_many("willow", 10)
    # On SQLite nobody else writes to the porch's database from now on, and nothing of its outbox is marked as sent.
    await post.happened("willow take_in 11")
    await post.all_sent()  # what is sent later is new to whoever begins with what comes from now on

    await post.kill()
    await post.forget_place("depot", "confirm")
    await post.mend("willow")
    await post.start("later.toml")
    assert await post.taken("willow", 21) == list(range(1, 22))
    assert await post.confirmed("willow", 21) == list(range(1, 22))
    assert [noted(f"willow take_in {number}") for number in (1, 10, 11)] == [1, 1, 2]
    assert len([*witnessed(EventAbsorbed, subscription="confirm")]) >= 10

    assert await post.taken("willow", 21, "look") == list(range(1, 22))
    vanished = {it["subscription"] for _, it in witnessed(SubscriptionVanished, service="porch")}
    assert vanished == {"glance", "pull"}
    await post.begun("porch", "count")
    assert await post.depot.ship("willow") == 22
    assert await post.taken("willow", 1, "count") == [22]


OF_THE_BROKER: Final[tuple[Check, ...]] = (
    check_commands_go_on_while_the_broker_is_away,
    check_a_full_outbox_refuses_and_takes_again,
    check_what_a_broker_has_lost_is_sent_again,
)
THOROUGH: Final[tuple[Check, ...]] = (check_commands_go_on_while_the_broker_is_away_for_a_minute,)
"""The same as another one, for longer."""
OF_THE_DATABASE: Final[tuple[Check, ...]] = (check_a_database_that_is_killed_loses_nothing,)
"""Without a server, nothing keeps the data but the process itself."""
OF_THE_APPLICATION: Final[tuple[Check, ...]] = (check_a_killed_application_goes_on_in_its_next_version,)


def misfortunes(place: Place) -> Sequence[Check]:
    """Return what can happen in a placement. The last one ends the version that the others are about."""
    return [
        *((*THOROUGH, *OF_THE_BROKER) if place.broker == "nats" else ()),
        *(OF_THE_DATABASE if place.engine == "postgresql" else ()),
        *OF_THE_APPLICATION,
    ]
