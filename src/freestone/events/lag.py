"""How far a subscription is behind: counted in the databases of the two services, whoever carries the events.

What was published and is not handled is what stands in the announcer's outbox after the subscription's cursor and is
not in its inbox. So it needs no broker, and is the same while the application is stopped. It can't see further
back than the outbox keeps its events, nor into another application.

What is *after* an event follows from what carries them. On SQLite events commit in the order of their numbers. On
PostgreSQL one may commit late, with a lower number: a log gives positions in their order, and a relay sends in the
order in which it has found them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, final

import msgspec
from sqlalchemy import ColumnElement, or_, select, true

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

_COLUMNS: Final = (
    OUTBOX.c.id, OUTBOX.c.position, OUTBOX.c.published, OUTBOX.c.event_id, OUTBOX.c.subject, OUTBOX.c.time,
)  # fmt: skip


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
    later = true() if None in places.values() else or_(*(place.later() for place in set(places.values()) if place))
    count, oldest, after = 0, None, 0
    while count < _MOST:
        rows = await look(
            announcer,
            OUTBOX,
            select(*_COLUMNS)
            .where(OUTBOX.c.id > after, OUTBOX.c.type == subscription.type, later)
            .order_by(OUTBOX.c.id)
            .limit(_PIECE),
        )
        if not rows:
            break
        after = rows[-1].id
        open_ = [row for row in rows if _is_open(row, places[partition_of(row.subject, partitions)], since)]
        taken = await _known(database, subscription.name, [row.event_id for row in open_])
        for row in open_:
            if row.event_id not in taken:
                count += 1
                oldest = oldest or from_microseconds(row.time)
    return count, oldest


def _is_open(row: Any, place: _Place | None, since: int) -> bool:
    return row.time >= since if place is None else place.is_before(row)


@final
class _Place(msgspec.Struct, frozen=True):
    """Where an event stands in an outbox, by what tells of the order there."""

    id: int
    position: int | None = None
    published: int | None = None

    def is_before(self, row: Any) -> bool:
        """Whether an event comes after it."""
        if self.position is not None:
            return row.position is None or row.position > self.position
        if self.published is not None:
            return row.published is None or (row.published, row.id) > (self.published, self.id)
        return bool(row.id > self.id)

    def later(self) -> ColumnElement[bool]:
        """Return what holds for all that come after it, and perhaps for some that were sent together with it."""
        if self.position is not None:
            return OUTBOX.c.position.is_(None) | (OUTBOX.c.position > self.position)
        if self.published is not None:
            return OUTBOX.c.published.is_(None) | (OUTBOX.c.published >= self.published)
        return OUTBOX.c.id > self.id


async def _place(announcer: Database, event: str) -> _Place | None:
    """Return where an event stands in the outbox; None if it is not there any more, or there was none."""
    if not event:
        return None
    rows = await look(announcer, OUTBOX, select(*_COLUMNS).where(OUTBOX.c.event_id == event))
    if not rows:
        return None
    row = rows[0]
    return _Place(row.id) if announcer.dialect == "sqlite" else _Place(row.id, row.position, row.published)


async def _known(database: Database, subscription: str, ids: Sequence[str]) -> set[str]:
    own = INBOX.c.subscription == subscription
    query = select(INBOX.c.event_id).where(own, INBOX.c.event_id.in_(list(ids)))
    return {row.event_id for row in await look(database, INBOX, query)}
