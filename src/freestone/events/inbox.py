"""What a service remembers of the events that it hears, in its own database, in the transactions that handle them.

``freestone_subscription``  each subscription, since when, and where in the log it began
``freestone_cursor``        up to where each partition of it is done; written now and then, for the inbox absorbs
``freestone_inbox``         the events that were taken in: handled, or kept for later (``kept``)

That a row of the inbox and the effects of its event are one transaction is what makes an event take effect once,
however often it is delivered."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final, final

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateIndex, CreateTable

from freestone.clock import Clock
from freestone.data import METADATA, Database, Part, Prepared, Transaction

from .broker import Cursor, Source
from .columns import to_microseconds
from .division import Done, divided
from .kept import KEPT, KEPT_TABLES, executed

SUBSCRIPTION: Final = Table(
    "freestone_subscription",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("application", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("log", Text),
    Column("position", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
)
"""What the service hears. ``log``, ``position`` and ``event_id`` are where it began; without a log, at the beginning.
``since`` is in microseconds since 1970."""
_FROM_NOW: Final = -1
"""The position, without a log, of one that is to hear what was published since then, though it reads all of a log."""


def _cursor(metadata: MetaData, *more: Column[Any]) -> Table:
    return Table(
        "freestone_cursor",
        metadata,
        Column("subscription", Text, primary_key=True),
        Column("partition", Integer, primary_key=True),
        Column("log", Text, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("event_id", Text, nullable=False),
        *more,
    )


CURSOR: Final = _cursor(METADATA, Column("partitions", Integer))
"""``partitions`` is how many there were when the row was written; one of an older version of the framework has none."""
_MOST_PARTITIONS: Final = 64
"""How many there can be. What is done of a partition is done of that one of the most, whatever their number was."""

INBOX: Final = Table(
    "freestone_inbox",
    METADATA,
    Column("subscription", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("taken", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
_BY_AGE = Index("freestone_inbox_taken", INBOX.c.taken)
_TAKE: Final = Prepared(
    insert(INBOX)
    .values({column.name: bindparam(column.name) for column in INBOX.c})
    .on_conflict_do_nothing()
    .returning(INBOX.c.event_id)
)

_SOME: Final = f"SELECT event_id, taken FROM {INBOX.name} WHERE subscription = :subscription AND event_id"
_KNOWN: Final = Prepared(
    {
        "sqlite": text(f"{_SOME} IN (SELECT value FROM json_each(:ids))"),
        "postgresql": text(f"{_SOME} = ANY(CAST(:ids AS text[]))"),
    }
)
"""Of one text, however many they are, so that it is known how long it takes."""

TABLES: Final = Part(
    "inbox",
    (
        CreateTable(SUBSCRIPTION),
        CreateTable(_cursor(MetaData())),
        CreateTable(INBOX),
        CreateIndex(_BY_AGE),
        *KEPT_TABLES,
        "ALTER TABLE freestone_cursor ADD COLUMN partitions INTEGER",
    ),
)


@final
class Began(msgspec.Struct, frozen=True):
    """A subscription, as it is remembered."""

    name: str
    type: str
    source: Source
    since: int
    """When it was first started, in microseconds since 1970."""
    cursor: Cursor | None
    """Where in the log it began; None is the beginning."""
    from_now: bool
    """Whether it hears only what was published since then, wherever its log is read from."""


@final
class Inbox:
    """The inbox of one subscription."""

    def __init__(self, database: Database, subscription: str, clock: Clock, partitions: int) -> None:
        """``partitions`` is into how many the log is divided now."""
        self.database = database
        self.subscription = subscription
        self._clock = clock
        self._partitions = partitions

    async def begin(self, kind: str, source: Source, cursor: Cursor | None) -> None:
        """Remember the subscription, if it is not: it begins at the cursor, or None for the beginning."""
        place = cursor or Cursor("", 0)
        statement = insert(SUBSCRIPTION).values(
            name=self.subscription,
            type=kind,
            application=source.application,
            service=source.service,
            since=to_microseconds(self._clock.now()),
            log=None if cursor is None else place.log,
            position=place.position,
            event_id=place.id,
        )

        async def work() -> None:
            await self.database.execute(statement.on_conflict_do_nothing())

        await self.database.transact(work)

    async def begin_anew(self, kind: str, source: Source, cursor: Cursor | None) -> None:
        """Forget where the subscription is, and have it begin at the cursor. What it has taken in is not forgotten."""
        own = SUBSCRIPTION.c.name == self.subscription
        cursors = CURSOR.c.subscription == self.subscription

        async def work() -> None:
            await self.database.execute(delete(SUBSCRIPTION).where(own))
            await self.database.execute(delete(CURSOR).where(cursors))

        await self.database.transact(work)
        await self.begin(kind, source, cursor)

    async def cursors(self) -> dict[int, Cursor]:
        """Return up to where each partition is done, of those of which something is known.

        What was written when there was another number of them is written anew: a row of this number that takes the
        place of one of another would leave others with less than is known.
        """
        own = CURSOR.c.subscription == self.subscription
        known = [done_of(row) for row in await self._rows(select(CURSOR).where(own))]
        if all(it.partitions == self._partitions for it in known):
            return divided(known, self._partitions)

        async def divide() -> dict[int, Cursor]:
            result: Any = await self.database.execute(delete(CURSOR).where(own).returning(*CURSOR.c))
            found = divided([done_of(row) for row in result.all()], self._partitions)
            if found:
                await self.database.execute(insert(CURSOR).values(self._cursor_rows(found)))
            return found

        return await self.database.transact(divide)

    async def write(self, cursors: Mapping[int, Cursor]) -> None:
        """Remember up to where partitions are done. No cursor goes back within its log."""
        if not cursors:
            return
        given = insert(CURSOR).values(self._cursor_rows(cursors))
        later = (CURSOR.c.log != given.excluded.log) | (CURSOR.c.position < given.excluded.position)
        values = {column: given.excluded[column] for column in ("log", "position", "event_id", "partitions")}
        statement = given.on_conflict_do_update(index_elements=["subscription", "partition"], set_=values, where=later)

        async def work() -> None:
            await self.database.execute(statement)

        await self.database.transact(work)

    async def forget(self, partitions: Collection[int]) -> None:
        """Forget up to where those partitions are done, so that they are read from the beginning."""
        cursors = delete(CURSOR).where(
            CURSOR.c.subscription == self.subscription, CURSOR.c.partition.in_(list(partitions))
        )
        columns = SUBSCRIPTION.c
        position = case((and_(columns.log.is_(None), columns.position == 0), 0), else_=_FROM_NOW)
        start = update(SUBSCRIPTION).where(columns.name == self.subscription).values(log=None, position=position)

        async def work() -> None:
            await self.database.execute(cursors)
            await self.database.execute(start)

        await self.database.transact(work)

    async def known(self, ids: Collection[str]) -> dict[str, int]:
        """Return which of the events were taken in, each with when that was, in microseconds since 1970."""
        of = json.dumps(list(ids)) if self.database.dialect == "sqlite" else list(ids)
        async with self.database.separate(f"the inbox of {self.subscription}", read_only=True) as transaction:
            rows = await transaction.fetch(_KNOWN, {"subscription": self.subscription, "ids": of})
        return dict(rows)

    async def remind(self, ids: Collection[str]) -> None:
        """Remember events that were taken in for as long as if they had been now: they have come again."""
        own = INBOX.c.subscription == self.subscription
        now = to_microseconds(self._clock.now())
        statement = update(INBOX).where(own, INBOX.c.event_id.in_(list(ids))).values(taken=now)

        async def work() -> None:
            await self.database.execute(statement)

        await self.database.transact(work)

    async def take(self, transaction: Transaction, event: str) -> bool:
        """Note in a transaction that the event was taken in. False, and nothing noted, if it was before."""
        values = {"subscription": self.subscription, "event_id": event, "taken": to_microseconds(self._clock.now())}
        return bool(await transaction.fetch(_TAKE, values))

    async def purge(self, before: int, most: int) -> int:
        """Forget events that were taken in before that time, and are not kept now; return how many."""
        kept = exists().where(and_(KEPT.c.subscription == INBOX.c.subscription, KEPT.c.event_id == INBOX.c.event_id))
        old = (
            select(INBOX.c.event_id)
            .where(INBOX.c.subscription == self.subscription, INBOX.c.taken < before, ~kept)
            .limit(most)
        )
        statement = delete(INBOX).where(INBOX.c.subscription == self.subscription, INBOX.c.event_id.in_(old))

        async def work() -> int:
            result: Any = await self.database.execute(statement.returning(INBOX.c.event_id))
            return len(result.all())

        return await self.database.transact(work)

    def _cursor_rows(self, cursors: Mapping[int, Cursor]) -> list[dict[str, Any]]:
        return [
            {
                "subscription": self.subscription,
                "partition": partition,
                "log": cursor.log,
                "position": cursor.position,
                "event_id": cursor.id,
                "partitions": self._partitions,
            }
            for partition, cursor in sorted(cursors.items())
        ]

    async def _rows(self, statement: Any) -> list[Any]:
        return await rows(self.database, f"the inbox of {self.subscription}", statement)


def done_of(row: Any) -> Done:
    """Return what a row of the cursors says."""
    return Done(row.partition, row.partitions or _MOST_PARTITIONS, Cursor(row.log, row.position, row.event_id))


async def rows(database: Database, owner: str, statement: Any) -> list[Any]:
    """Return the rows of a query, in a view of its own."""
    async with database.separate(owner, read_only=True) as transaction:
        return await executed(transaction, statement)


async def began(database: Database) -> dict[str, Began]:
    """Return the subscriptions that a service's database remembers, by name."""
    found = await rows(database, "the inbox", select(SUBSCRIPTION).order_by(SUBSCRIPTION.c.name))
    return {row.name: began_of(row) for row in found}


def began_of(row: Any) -> Began:
    """Return the subscription that a row of the table is."""
    return Began(
        row.name,
        row.type,
        Source(row.application, row.service),
        row.since,
        None if row.log is None else Cursor(row.log, row.position, row.event_id),
        row.log is not None or row.position == _FROM_NOW,
    )
