"""What an outbox has, for a person who looks: the latest events, those that follow, and those that wait.

Nothing is written, and no table is made: a database without events has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, final

import msgspec
from sqlalchemy import Table, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from freestone.data import Database

from .choice import Choice
from .columns import from_microseconds
from .envelope import Envelope
from .outbox import OUTBOX, Outbox


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


async def later_events(outbox: Outbox, choice: Choice, after: int, most: int) -> list[Written]:
    """Return the next events that are meant, with a higher number than that."""
    query = select(OUTBOX).where(OUTBOX.c.id > after, *choice.among(OUTBOX)).order_by(OUTBOX.c.id).limit(most)
    return [_written(outbox, row) for row in await look(outbox.database, OUTBOX, query)]


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
