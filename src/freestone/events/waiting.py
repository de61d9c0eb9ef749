"""The events of an outbox that wait for the broker: found, marked as sent, counted, and sent again.

A row waits as long as its ``published`` is empty. An index of those rows alone makes all of this cheap, however many
others are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, final

from sqlalchemy import Index, delete, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import CreateIndex

from freestone.data import Part, Prepared

from .backlog import Pending, Slice
from .columns import to_microseconds
from .kept import executed
from .outbox import OUTBOX, TABLES, Outbox

_WAITS = OUTBOX.c.published.is_(None)
_INDEX: Final = Index(
    "freestone_outbox_waiting", OUTBOX.c.id, sqlite_where=_WAITS, postgresql_where=_WAITS
)  # fmt: skip
WAITING_TABLES = Part("relay", (CreateIndex(_INDEX),))

_MARK: Final = Prepared(
    {
        "sqlite": text(
            f"UPDATE {OUTBOX.name} SET published = :published WHERE id IN (SELECT value FROM json_each(:ids))"
        ),
        "postgresql": text(f"UPDATE {OUTBOX.name} SET published = :published WHERE id = ANY(CAST(:ids AS bigint[]))"),
    }
)
"""Of one text, however many they are, so that it is known how long it takes."""

_KEYS: Final = 500
"""Held keys that a query leaves out; beyond them, their rows are read and passed over."""
_PIECE: Final = 500
"""Rows that are removed in one transaction, which others wait for on SQLite."""
_MANY: Final = 5000
"""Rows that are changed by one statement."""


@final
class Waiting:
    """What of an outbox waits for the broker."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox

    async def start(self) -> None:
        """Make what is needed to find it."""
        await self.outbox.database.start()
        async with self.outbox.database.separate("the outbox") as transaction:
            await transaction.prepare(TABLES)
            await transaction.prepare(WAITING_TABLES)

    async def first(self, held: frozenset[str], limit: int, mine: Slice | None = None) -> Sequence[Pending]:
        """Return the first events that wait, in the order of their ids; those of the keys that are held, and those that
        are not of the slice, may be left out.
        """
        query = select(OUTBOX).where(_WAITS).order_by(OUTBOX.c.id).limit(limit)
        if mine is not None and not mine.is_whole:
            own = (OUTBOX.c.hash % mine.count).in_(sorted(mine.partitions))
            query = query.where(or_(own, OUTBOX.c.hash.is_(None)))
        if held and len(held) <= _KEYS:
            query = query.where(OUTBOX.c.subject.not_in(held))
        return [Pending(row.id, self.outbox.envelope(row)) for row in await self._read(query)]

    async def mark(self, rows: Sequence[Pending], when: datetime) -> None:
        """Note that the broker has these."""
        ids: Any = [row.id for row in rows]
        if self.outbox.database.dialect == "sqlite":
            ids = json.dumps(ids)
        async with self.outbox.database.separate("what is sent of the outbox") as transaction:
            await transaction.fetch(_MARK, {"published": to_microseconds(when), "ids": ids})

    async def count(self, most: int) -> int:
        """Return how many wait, at most so many; what is surely fewer than that is 0 and costs nothing to find out."""
        ((low, high),) = await self._read(select(func.min(OUTBOX.c.id), func.max(OUTBOX.c.id)).where(_WAITS))
        if low is None or high - low + 1 < most:
            return 0
        some = select(OUTBOX.c.id).where(_WAITS).limit(most).subquery()
        ((count,),) = await self._read(select(func.count()).select_from(some))
        return int(count)

    async def trim(self, before: datetime) -> int:
        """Remove what was published before that time and is with the broker. Returns how many rows that were."""
        old = to_microseconds(before)
        removed = 0
        kept = select(OUTBOX.c.id).where(OUTBOX.c.time >= old).order_by(OUTBOX.c.id).limit(1).scalar_subquery()
        last = select(func.max(OUTBOX.c.id)).scalar_subquery()
        some = (
            select(OUTBOX.c.id)
            .where(OUTBOX.c.id < func.coalesce(kept, last), OUTBOX.c.published.is_not(None))
            .order_by(OUTBOX.c.id)
            .limit(_PIECE)
        )
        while count := await self._write("the retention of events", delete(OUTBOX).where(OUTBOX.c.id.in_(some))):
            removed += count
        return removed

    async def again(self, since: datetime, progress: Callable[[int, int], None] | None = None) -> int:
        """Have all that was published since then, and is still here, sent again. Returns how many events that are.

        ``progress`` is told how many of how many are done. It is one transaction, so that a relay at work sends none
        before an earlier one of its key; on SQLite others wait meanwhile, a second for some hundred thousand events.
        """
        sent = (OUTBOX.c.time >= to_microseconds(since), OUTBOX.c.published.is_not(None))
        ((total,),) = await self._read(select(func.count()).select_from(OUTBOX).where(*sent))
        after, done = 0, 0
        async with self.outbox.database.separate("what is sent again") as transaction:
            # What is sent from now on is with the broker as it is; it would come for as long as the service is at work.
            last = await transaction.run(lambda session: session.scalar(select(func.max(OUTBOX.c.id)))) or 0
            while after < last:
                these = (OUTBOX.c.id > after, OUTBOX.c.id <= last, *sent)
                some = select(OUTBOX.c.id).where(*these).order_by(OUTBOX.c.id).limit(_MANY)
                statement = update(OUTBOX).where(OUTBOX.c.id.in_(some)).values(published=None).returning(OUTBOX.c.id)
                rows = await executed(transaction, statement)
                after = max((row.id for row in rows), default=last)
                done += len(rows)
                if progress is not None and rows:
                    progress(done, max(done, total))
        self.outbox.ring()
        return done

    async def _read(self, query: Any) -> Sequence[Any]:
        async def work(session: AsyncSession) -> Sequence[Any]:
            return (await session.execute(query)).all()

        async with self.outbox.database.separate("a look at the outbox", read_only=True) as transaction:
            return await transaction.run(work)

    async def _write(self, owner: str, statement: Any) -> int:
        async with self.outbox.database.separate(owner) as transaction:
            return await transaction.run(lambda session: _changed(session, statement))


async def _changed(session: AsyncSession, statement: Any) -> int:
    """Execute a statement, and return how many rows it changed."""
    result: Any = await session.execute(statement, execution_options={"synchronize_session": False})
    count: int = result.rowcount
    return count
