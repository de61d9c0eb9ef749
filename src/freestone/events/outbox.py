"""The outbox of a service: the table to which its events are written, in the transaction that they are about.

An event is there if, and only if, its transaction has committed; no crash comes between the two, for they are one.
What is written there is carried further by a relay, or read right there.

On SQLite one transaction writes at a time, so the ``id`` of a row tells when it was committed. On PostgreSQL it does
not: a transaction that took a lower one may commit later, and whoever reads past its gap would never see it. There
the rows have a ``position`` besides, which is given once they are committed (``log``). What counts among the events of
one *key* is their order alone, and that is right in either: before it inserts, a transaction takes an advisory lock
for each of its keys, and has it until it has committed.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Final, final

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, TextClause, bindparam, insert, select, text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import CreateTable

from freestone.data import METADATA, Database, Part, Prepared, Transaction
from freestone.errors import ResourceExhausted

from .bell import Bell
from .broker import Source
from .columns import envelope_in, event_columns, values_of
from .envelope import Envelope, hash_of, partition_of


def _table(metadata: MetaData, *more: Column[Any]) -> Table:
    return Table(
        "freestone_outbox",
        metadata,
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        Column("position", BigInteger),
        *event_columns(),
        Column("published", BigInteger),
        *more,
    )


OUTBOX = _table(METADATA, Column("hash", BigInteger))
"""The events, in the order in which they were published. Times are microseconds since 1970; ``published`` is when a
broker had acknowledged the event, and empty until then. ``hash`` is that of the subject; a row of an older version of
the framework has none."""

TABLES = Part("outbox", (CreateTable(_table(MetaData())), "ALTER TABLE freestone_outbox ADD COLUMN hash BIGINT"))

NOTICE: Final = "outbox"
"""By which those who use a database tell each other that events have committed."""

_LOCKS: Final = 1024
"""Into how many parts the keys are sorted for the locks of PostgreSQL, whose table of locks is bounded."""
_OURS: Final = 0x66726565
"""The first half of their numbers, so that they are no other's."""

_WRITTEN: Final = (*event_columns(), OUTBOX.c.hash)
_COLUMNS: Final = [column.name for column in _WRITTEN]
_INSERT: Final = Prepared(insert(OUTBOX).values({name: bindparam(name) for name in _COLUMNS}).inline())

_POSTGRESQL: Final = PGDialect()  # type: ignore[no-untyped-call]


def _locking() -> TextClause:
    """Return what takes the locks of the keys, in their order, and then inserts the events, in theirs.

    No id is given before all locks are there: each row depends on their count.
    """
    types = {column.name: column.type.compile(dialect=_POSTGRESQL) for column in _WRITTEN}
    arrays = ", ".join(f"CAST(:{name} AS {type_}[])" for name, type_ in types.items())
    names = ", ".join(types)
    return text(
        f"INSERT INTO {OUTBOX.name} ({names}) SELECT {names} "
        "FROM (SELECT count(pg_advisory_xact_lock(:ours, it)) AS taken FROM unnest(CAST(:keys AS integer[])) AS it) AS "
        f"locks, unnest({arrays}) WITH ORDINALITY AS given({names}, number) WHERE taken > 0 ORDER BY number"
    )


_LOCK_AND_INSERT: Final = Prepared(_locking())
_AGAIN: Final = 5.0
"""Seconds after which a caller is told to try again when the outbox is full."""


@final
class Outbox:
    """The outbox of one service, in its database."""

    def __init__(self, database: Database, source: Source, partitions: int = 1) -> None:
        self.database = database
        self.source = source
        self.partitions = partitions
        """Into how many the log is divided that its events are carried to."""
        self.bell = Bell()
        """Rings when a transaction with events has committed in this process, and after ``listen`` in another one."""
        self.full = 0
        """How many events wait for the broker, once they are more than may; 0 until then."""

    async def start(self) -> None:
        """Open the database, and make the table if it is missing."""
        await self.database.start()
        async with self.database.separate("the outbox") as transaction:
            await transaction.prepare(TABLES)

    def listen(self) -> None:
        """Have the bell ring too when another process tells that it has committed events."""
        self.database.notices.hear(NOTICE, self.bell.ring)

    def ring(self) -> None:
        """Wake those who listen, in this process and in others. Call it when there is something to see."""
        self.bell.ring()
        self.database.notices.tell(NOTICE)

    def refuse_if_full(self) -> None:
        """Raise ResourceExhausted if too many events wait for the broker."""
        if self.full:
            raise ResourceExhausted(
                f"{self.full} events of {self.source.service} wait in its outbox for the broker, and no more may; "
                "it takes some again when the broker does",
                retry_after=_AGAIN,
            )

    async def write(self, transaction: Transaction, envelopes: Sequence[Envelope]) -> None:
        """Write events, in their order, in a transaction that is about to commit."""
        await transaction.prepare(TABLES)
        rows = [{**values_of(envelope), "hash": hash_of(envelope.subject)} for envelope in envelopes]
        if self.database.dialect == "sqlite":
            await transaction.execute_each(_INSERT, rows)
        else:
            # What the handler has changed goes first: to wait for a row while others wait for these locks
            # would be a deadlock.
            await transaction.flush()
            keys = sorted({zlib.crc32(self.lock_of(envelope.subject)) % _LOCKS for envelope in envelopes})
            arrays = {name: [row[name] for row in rows] for name in _COLUMNS}
            await transaction.fetch(_LOCK_AND_INSERT, {"ours": _OURS, "keys": keys, **arrays})
        transaction.after_commit(self.ring)

    async def written(self) -> list[Envelope]:
        """Return all that it has, in the order in which it was published; for tests, since it may be much."""
        async with self.database.separate("the outbox") as transaction:
            await transaction.prepare(TABLES)
            rows = await transaction.run(lambda session: session.execute(select(OUTBOX).order_by(OUTBOX.c.id)))
        return [self.envelope(row) for row in rows]

    def lock_of(self, subject: str) -> bytes:
        """Return what the lock of a key is made of. Several services may share a database of PostgreSQL."""
        return f"{self.source.service} {subject}".encode()

    def envelope(self, row: Any) -> Envelope:
        """Return the event that a row of the table is."""
        return envelope_in(row, partition_of(row.subject, self.partitions))
