"""How far a subscription is behind: counted in the databases of the two services, whoever carries the events.

What was published and is not handled is what stands in the announcer's outbox after the subscription's cursor and is
not in its inbox. So it needs no broker, and is the same while the application is stopped. It can't see further
back than the outbox keeps its events, nor into another application.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, final

import msgspec
from sqlalchemy import select

from freestone.data import Database

from .aside import State
from .broker import Source
from .choice import Choice
from .columns import from_microseconds
from .division import divided
from .envelope import partition_of
from .inbox import CURSOR, INBOX, SUBSCRIPTION, began_of, done_of
from .looking import look
from .outbox import OUTBOX
from .tending import count_kept

_PIECE: Final = 1000
_MOST: Final = 100_000
"""Events that are counted; a subscription that is further behind is behind by that many at least."""


@final
class Lag(msgspec.Struct, frozen=True):
    """How far a subscription is."""

    subscription: str
    type: str
    source: Source
    behind: int | None
    """How many events it has not taken in; None if its announcer is of another application."""
    oldest: datetime | None
    """When the first of them was published."""
    retrying: int
    waiting: int
    aside: int


async def lags(database: Database, announcers: Mapping[Source, Database], partitions: int) -> list[Lag]:
    """Return how far each subscription of a service is, which its ``database`` remembers.

    ``announcers`` are the databases of the services that are heard; ``partitions`` is into how many the log is
    divided.
    """
    counts = await count_kept(database, Choice())
    found: list[Lag] = []
    for row in await look(database, SUBSCRIPTION, select(SUBSCRIPTION).order_by(SUBSCRIPTION.c.name)):
        source = Source(row.application, row.service)
        behind: int | None = None
        oldest: datetime | None = None
        if source in announcers:
            behind, oldest = await _behind(database, announcers[source], row, partitions)
        kept = counts.get(row.name, {})
        numbers = (kept.get(state, 0) for state in (State.RETRYING, State.WAITING, State.ASIDE))
        found.append(Lag(row.name, row.type, source, behind, oldest, *numbers))
    return found


async def _behind(
    database: Database, announcer: Database, subscription: Any, partitions: int
) -> tuple[int, datetime | None]:
    """Return how many events a subscription has not taken in, and since when."""
    query = select(CURSOR).where(CURSOR.c.subscription == subscription.name)
    known = [done_of(row) for row in await look(database, CURSOR, query)]
    cursors = {partition: cursor.id for partition, cursor in divided(known, partitions).items()}
    began = began_of(subscription)
    begun = "" if began.cursor is None else began.cursor.id
    places = {partition: await _place(announcer, cursors.get(partition, begun)) for partition in range(partitions)}
    since = began.since if began.from_now else 0
    count, oldest, after = 0, None, min(places.values())
    while count < _MOST:
        rows = await look(
            announcer,
            OUTBOX,
            select(OUTBOX.c.id, OUTBOX.c.event_id, OUTBOX.c.subject, OUTBOX.c.time)
            .where(OUTBOX.c.id > after, OUTBOX.c.type == subscription.type)
            .order_by(OUTBOX.c.id)
            .limit(_PIECE),
        )
        if not rows:
            break
        after = rows[-1].id
        open_ = [
            row
            for row in rows
            if row.id > (place := places[partition_of(row.subject, partitions)]) and (place or row.time >= since)
        ]
        taken = await _known(database, subscription.name, [row.event_id for row in open_])
        for row in open_:
            if row.event_id not in taken:
                count += 1
                oldest = oldest or from_microseconds(row.time)
    return count, oldest


async def _place(announcer: Database, event: str) -> int:
    """Return the number of an event in the outbox; 0 if it is not there any more, or there was none."""
    if not event:
        return 0
    rows = await look(announcer, OUTBOX, select(OUTBOX.c.id).where(OUTBOX.c.event_id == event))
    return rows[0].id if rows else 0


async def _known(database: Database, subscription: str, ids: Sequence[str]) -> set[str]:
    own = INBOX.c.subscription == subscription
    query = select(INBOX.c.event_id).where(own, INBOX.c.event_id.in_(list(ids)))
    return {row.event_id for row in await look(database, INBOX, query)}
