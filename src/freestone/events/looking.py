"""What an outbox has, for a person who looks: the latest events, those that follow, and those that wait.

Nothing is written, and no table is made: a database without events has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, final

import msgspec
from sqlalchemy import Table, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from freestone.data import Database

from .choice import Choice
from .columns import from_microseconds
from .envelope import Envelope
from .outbox import OUTBOX, Outbox

_BEHIND: Final = 1000
"""Numbers below the last one among which a late commit is still looked for."""


@final
class Written(msgspec.Struct, frozen=True):
    """An event of an outbox."""

    id: int
    """Its number there; a higher one was written later."""
    envelope: Envelope
    published: datetime | None
    """When a broker had acknowledged it; None if none has, or none is asked."""


async def latest_events(outbox: Outbox, choice: Choice, most: int) -> list[Written]:
    """Return the latest events that are meant, the oldest of them first."""
    query = select(OUTBOX).where(*choice.among(OUTBOX)).order_by(OUTBOX.c.id.desc()).limit(most)
    return [_written(outbox, row) for row in await look(outbox.database, OUTBOX, query)][::-1]


@final
class Following:
    """The events that are meant and are announced from when this was started, each once, for a person who watches.

    On PostgreSQL a transaction may commit after one that took higher numbers. So it is looked among the last thousand
    numbers too. What commits later than that is not shown; who hears events misses none of them.
    """

    def __init__(self, outbox: Outbox, choice: Choice) -> None:
        self._outbox = outbox
        self._meant = choice.among(OUTBOX)
        self._last = 0
        self._behind = _BEHIND if outbox.database.dialect == "postgresql" else 0
        self._seen = frozenset[int]()
        """Those of the last numbers that were there."""

    async def start(self) -> None:
        """Pass over what is there."""
        self._last = await last_event(self._outbox)
        if self._behind:
            query = select(OUTBOX.c.id).where(OUTBOX.c.id > self._last - self._behind)
            self._seen = frozenset(row.id for row in await look(self._outbox.database, OUTBOX, query))

    async def next(self, most: int) -> list[Written]:
        """Return the next of them, in the order of their numbers, at most so many."""
        after = self._last - self._behind
        new = (OUTBOX.c.id > after, OUTBOX.c.id.not_in(self._seen), *self._meant)
        rows = await look(self._outbox.database, OUTBOX, select(OUTBOX).where(*new).order_by(OUTBOX.c.id).limit(most))
        if rows:
            self._last = max(self._last, rows[-1].id)
        if self._behind:
            seen = self._seen.union(row.id for row in rows)
            self._seen = frozenset(number for number in seen if number > self._last - self._behind)
        return [_written(self._outbox, row) for row in rows]


async def last_event(outbox: Outbox) -> int:
    """Return the number of the last event; 0 if there is none."""
    ((found,),) = await look(outbox.database, OUTBOX, select(func.max(OUTBOX.c.id))) or [(None,)]
    return found or 0


async def waiting_events(outbox: Outbox, choice: Choice, most: int) -> tuple[int, list[Written]]:
    """Return how many of the events that are meant wait for the broker, and the oldest of them."""
    meant = (OUTBOX.c.published.is_(None), *choice.among(OUTBOX))
    ((count,),) = await look(outbox.database, OUTBOX, select(func.count()).select_from(OUTBOX).where(*meant)) or [(0,)]
    query = select(OUTBOX).where(*meant).order_by(OUTBOX.c.id).limit(most)
    return count, [_written(outbox, row) for row in await look(outbox.database, OUTBOX, query)]


async def look(database: Database, table: Table, query: Any) -> Sequence[Any]:
    """Return the rows of a query on a table of the framework; none if the database does not have the table."""

    async def work(session: AsyncSession) -> Sequence[Any]:
        connection = await session.connection()
        if not await connection.run_sync(lambda it: inspect(it).has_table(table.name)):
            return []
        return (await session.execute(query)).all()

    async with database.separate("a look at events", read_only=True) as transaction:
        return await transaction.run(work)


def _written(outbox: Outbox, row: Any) -> Written:
    published = None if row.published is None else from_microseconds(row.published)
    return Written(row.id, outbox.envelope(row), published)
