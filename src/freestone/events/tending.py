"""What a person does about events that a subscription has kept: look at them, have them tried again, or drop them.

It is done in the service's own database, whether the application runs or not. Who runs is told of it where the database
passes that on, and looks every few seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from freestone.data import Database

from .aside import State
from .choice import Choice
from .columns import to_microseconds
from .inbox import CURSOR, INBOX, SUBSCRIPTION
from .kept import KEPT, NOTICE, Kept, Shelf, executed, kept_of
from .looking import look
from .subscription import OnFailure, Subscription

_AT_ONCE: Final = 500
"""Rows that are deleted in one transaction, which others wait for on SQLite."""


async def find_kept(database: Database, choice: Choice, states: Collection[State], most: int = 1000) -> list[Kept]:
    """Return the events that are meant and are in one of those states, in the order in which they came."""
    query = select(KEPT).where(*_meant(choice, states)).order_by(KEPT.c.id).limit(most)
    return [kept_of(row) for row in await look(database, KEPT, query)]


async def count_kept(database: Database, choice: Choice) -> Mapping[str, Mapping[State, int]]:
    """Return how many events each subscription keeps, by its name and their state."""
    query = (
        select(KEPT.c.subscription, KEPT.c.state, func.count())
        .where(*choice.among(KEPT))
        .group_by(KEPT.c.subscription, KEPT.c.state)
    )
    found: dict[str, dict[State, int]] = {}
    for subscription, state, count in await look(database, KEPT, query):
        found.setdefault(subscription, {})[State(state)] = count
    return found


async def retry_kept(database: Database, choice: Choice, now: datetime) -> int:
    """Have events tried again that are aside, or that wait for their next try; they have all their tries anew.

    Returns how many they are. They are handled in the order of their key.
    """
    if not await find_kept(database, choice, (State.ASIDE, State.RETRYING), 1):
        return 0
    values = {"state": State.RETRYING.value, "tries": 0, "next_try": to_microseconds(now)}
    statement = update(KEPT).where(*_meant(choice, (State.ASIDE, State.RETRYING))).values(values)
    async with database.separate("what is tried again") as transaction:
        changed = await executed(transaction, statement.returning(KEPT.c.id))
    database.notices.tell(NOTICE)
    return len(changed)


async def drop_kept(
    database: Database,
    choice: Choice,
    states: Collection[State],
    subscriptions: Collection[Subscription],
    now: datetime,
) -> int:
    """Forget events that are in one of those states, for good; what has waited for them goes on.

    ``subscriptions`` are those of the service. Returns how many events they are.
    """
    if not await find_kept(database, choice, states, 1):
        return 0
    statement = delete(KEPT).where(*_meant(choice, states)).returning(KEPT.c.subscription, KEPT.c.subject)
    on_failure: dict[str, OnFailure] = {each.name: each.on_failure for each in subscriptions}
    async with database.separate("what is dropped") as transaction:
        gone = await executed(transaction, statement)
        for name, key in sorted({(row.subscription, row.subject) for row in gone}):
            await Shelf(name, on_failure.get(name, "wait")).reach(transaction, key, now)
    database.notices.tell(NOTICE)
    return len(gone)


async def remembers(database: Database, subscription: str) -> bool:
    """Whether a service's database remembers a subscription of that name, be it one that the code still has or not."""
    return bool(
        await look(database, SUBSCRIPTION, select(SUBSCRIPTION.c.name).where(SUBSCRIPTION.c.name == subscription))
    )


async def forget_subscription(database: Database, subscription: str) -> None:
    """Forget all about a subscription that the code has no more: its place, what it has taken in and what it keeps.

    One that is given that name again begins as a new one does.
    """
    old = select(INBOX.c.event_id).where(INBOX.c.subscription == subscription).limit(_AT_ONCE)
    taken = delete(INBOX).where(INBOX.c.subscription == subscription, INBOX.c.event_id.in_(old))
    while await _removed(database, taken.returning(INBOX.c.event_id)) == _AT_ONCE:
        pass
    async with database.separate("what is forgotten") as transaction:
        for statement in (
            delete(KEPT).where(KEPT.c.subscription == subscription),
            delete(CURSOR).where(CURSOR.c.subscription == subscription),
            delete(SUBSCRIPTION).where(SUBSCRIPTION.c.name == subscription),
        ):
            await executed(transaction, statement)


async def _removed(database: Database, statement: Any) -> int:
    async with database.separate("what is forgotten") as transaction:
        return len(await executed(transaction, statement))


def _meant(choice: Choice, states: Collection[State]) -> list[Any]:
    return [KEPT.c.state.in_([state.value for state in states]), *choice.among(KEPT)]
