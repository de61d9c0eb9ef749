"""The outbox read as a log: its identity, the positions of its events, and what retention takes away.

Theory of operation. A reader asks for what has a higher position than the last one that it has seen, so an event must
never appear *below* a position that somebody may have read. On SQLite that is so for the row's ``id``: one transaction
writes at a time, and an id that was rolled back is given again. On PostgreSQL ids come from a sequence, and
transactions commit in another order than they took them. There ``settle`` numbers the rows that are *committed* and
have no position yet, in its own transaction, one such at a time: a row that commits late is simply found by a later
one, and whatever else is open in the database, idle or dumping, holds up nobody. No snapshot is asked which
transactions are still running.

Positions have no gaps, and retention takes rows from the lower end only, always leaving one. So the lowest row tells
what was trimmed, the highest where the log ends, and a cursor beyond it that the log was rolled back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final, final

from sqlalchemy import (
    Column,
    Index,
    Table,
    Text,
    bindparam,
    case,
    delete,
    func,
    select,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import CreateIndex, CreateTable

from freestone.clock import Ids
from freestone.data import METADATA, Part, Transaction

from .broker import Cursor, LogLost, LogTrimmed, Recorded, is_stream
from .columns import to_microseconds
from .outbox import OUTBOX, TABLES, Outbox

LOG = Table(
    "freestone_log",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("identity", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Who the log is. Its row is locked by whoever gives positions."""

_POSITIONS: Final = Index("freestone_outbox_position", OUTBOX.c.position, unique=True)
_NEW: Final = Index("freestone_outbox_new", OUTBOX.c.id, postgresql_where=OUTBOX.c.position.is_(None))
LOG_TABLES = Part("log", (CreateTable(LOG), {"postgresql": CreateIndex(_POSITIONS)}, {"postgresql": CreateIndex(_NEW)}))

_NAME: Final = "outbox"
_AT_ONCE: Final = 100
"""Rows that are read in one go. They may have 256 KiB each."""
_NUMBERED: Final = 1000
"""Rows that are given a position in one transaction."""
_TRIMMED: Final = 500
"""Rows that are deleted in one transaction, which others wait for on SQLite."""


@final
class Log:
    """The outbox of one service, as a log."""

    def __init__(self, outbox: Outbox, ids: Ids) -> None:
        self.outbox = outbox
        self._ids = ids
        self._identity = ""
        self._settling = asyncio.Lock()
        self._settled: asyncio.Event | None = None
        self._readers: dict[object, int] = {}

    @property
    def _position(self) -> Any:
        """The column that tells the order of the log."""
        return OUTBOX.c.position if self.outbox.database.dialect == "postgresql" else OUTBOX.c.id

    async def start(self) -> None:
        """Give the log an identity, if it has none yet."""
        await self.outbox.database.start()
        self.outbox.listen()
        async with self.outbox.database.separate("the log of events") as transaction:
            await transaction.prepare(TABLES)
            await transaction.prepare(LOG_TABLES)
            await transaction.run(
                lambda session: session.execute(
                    insert(LOG).values(name=_NAME, identity=self._ids.new()).on_conflict_do_nothing()
                )
            )
            await self._find_identity(transaction)

    async def settle(self) -> None:
        """Give a position to each event that has committed; on SQLite it has one."""
        if self.outbox.database.dialect == "sqlite":
            return
        async with self._settling:
            # Whoever waited for this is content with what another has done meanwhile, unless the bell has rung since.
            rung = self.outbox.bell.listen()
            if self._settled is rung:
                return
            while await self._number() == _NUMBERED:
                pass
            self._settled = rung

    def look_again(self) -> None:
        """Have ``settle`` look, though the bell has not rung: another process may have written."""
        self._settled = None

    async def check(self, after: Cursor | None) -> int:
        """Return the position of a cursor. Raises LogLost and LogTrimmed."""
        async with self._reading() as transaction:
            identity = await self._find_identity(transaction)
            if after is None:
                return 0
            first, last = await self._ends(transaction)
            there = await transaction.run(
                lambda session: session.scalar(select(OUTBOX.c.event_id).where(self._position == after.position))
            )
        service = self.outbox.source.service
        if is_stream(after.log):
            raise LogLost(f"they come from the database of {service} now, and came by NATS before", moved=True)
        if after.log != identity:
            raise LogLost(f"the log of {service} is another one: it was made anew since it was last read")
        if after.position > last or (after.id and there not in (None, after.id)):
            raise LogLost(
                f"the log of {service} was rolled back to before position {after.position}, up to which it was read"
            )
        if after.position < first - 1:
            missing = first - 1 - after.position
            raise LogTrimmed(
                f"{missing} events of {service} after position {after.position} were not read before they were "
                "removed, which is so long after they were published as [events] keep says",
                Cursor(identity, first - 1),
            )
        return after.position

    async def after(self, position: int, types: frozenset[str], partitions: frozenset[int]) -> Sequence[Recorded]:
        """Return the next events of those types and partitions; the last may be a mark. Nothing if nothing follows."""
        await self.settle()
        wanted = OUTBOX.c.type.in_(types)
        columns = [column for column in OUTBOX.c if column.key not in ("data", "position")]
        query: Any = (
            select(*columns, self._position.label("position"), case((wanted, OUTBOX.c.data)).label("data"))
            .where(self._position > position)
            .order_by(self._position)
            .limit(_AT_ONCE)
        )

        async def work(session: AsyncSession) -> list[Any]:
            return list(await session.execute(query))

        async with self._reading() as transaction:
            rows = await transaction.run(work)
        found: list[Recorded] = []
        cursor = None
        for row in rows:
            cursor = Cursor(self._identity, row.position, row.event_id)
            if row.data is not None:
                envelope = self.outbox.envelope(row)
                if envelope.partition in partitions:
                    found.append(Recorded(envelope, cursor))
        if cursor is not None and (not found or found[-1].cursor != cursor):
            found.append(Recorded(None, cursor))
        return found

    async def end(self) -> Cursor:
        """Return the place after everything that has committed."""
        self.look_again()
        await self.settle()
        query = select(self._position, OUTBOX.c.event_id).order_by(self._position.desc()).limit(1)
        async with self._reading() as transaction:
            identity = await self._find_identity(transaction)
            if self.outbox.database.dialect == "postgresql":
                query = query.where(OUTBOX.c.position.is_not(None))
            last = (await transaction.run(lambda session: session.execute(query))).one_or_none()
        return Cursor(identity, 0) if last is None else Cursor(identity, *last)

    def enter(self, reader: object, position: int) -> None:
        """Note how far a reader has come; what it has not read is not removed."""
        self._readers[reader] = position

    def leave(self, reader: object) -> None:
        """Forget a reader. Does nothing if it is not known."""
        self._readers.pop(reader, None)

    async def trim(self, before: datetime) -> int:
        """Remove the events that were published before that time, and that all readers of this process have read.

        Returns how many they were. Those that were published later begin with the first that is not removed.
        """
        self.look_again()
        await self.settle()
        removed = 0
        while (some := await self._trim(before)) > 0:
            removed += some
        return removed

    async def _trim(self, before: datetime) -> int:
        old, read = to_microseconds(before), min(self._readers.values(), default=None)
        position = self._position
        last = select(func.max(position)).scalar_subquery()
        kept = select(position).where(OUTBOX.c.time >= old, position.is_not(None)).order_by(position).limit(1)
        lowest = select(position).where(position < func.coalesce(kept.scalar_subquery(), last))
        if read is not None:
            lowest = lowest.where(position <= read)
        some = lowest.order_by(position).limit(_TRIMMED)

        async def work(session: AsyncSession) -> int:
            result: Any = await session.execute(delete(OUTBOX).where(position.in_(some)))
            count: int = result.rowcount
            return count

        async with self.outbox.database.separate("the retention of events") as transaction:
            return await transaction.run(work)

    async def _number(self) -> int:
        """Give positions to the next rows that have none, and return how many they were."""
        new = (
            select(OUTBOX.c.id, func.row_number().over(order_by=OUTBOX.c.id).label("number"))
            .where(OUTBOX.c.position.is_(None))
            .order_by(OUTBOX.c.id)
            .limit(_NUMBERED)
            .subquery()
        )
        numbered = (
            update(OUTBOX)
            .where(OUTBOX.c.id == new.c.id)
            .values(position=bindparam("last", type_=OUTBOX.c.position.type) + new.c.number)
        )

        async def work(session: AsyncSession) -> int:
            await session.execute(select(LOG.c.name).where(LOG.c.name == _NAME).with_for_update())
            last = await session.scalar(select(func.max(OUTBOX.c.position)))
            result: Any = await (await session.connection()).execute(numbered, {"last": last or 0})
            count: int = result.rowcount
            return count

        async with self.outbox.database.separate("the positions of events") as transaction:
            return await transaction.run(work)

    def _reading(self) -> AbstractAsyncContextManager[Transaction]:
        return self.outbox.database.separate("a reader of events", read_only=True)

    async def _find_identity(self, transaction: Transaction) -> str:
        found = await transaction.run(lambda session: session.scalar(select(LOG.c.identity).where(LOG.c.name == _NAME)))
        if found is None:
            raise LogLost(f"the log of {self.outbox.source.service} has no identity: it was not started, or is lost")
        self._identity = found
        return self._identity

    async def _ends(self, transaction: Transaction) -> tuple[int, int]:
        query = select(func.min(self._position), func.max(self._position))
        first, last = (await transaction.run(lambda session: session.execute(query))).one()
        return (first or 1), (last or 0)
