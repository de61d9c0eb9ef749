"""What a service's commands came to, kept in its own database, in the very transaction that they were.

A row is there if, and only if, its command took effect, or was refused. Whoever writes the second row under a key is
stopped by the primary key, and undoes what it did. Rows have a time until which they count; a later one may take their
place. What is over is deleted a batch at a time by those who write, so that the table does not grow without end.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, final

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, Table, Text, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import CreateIndex, CreateTable

from freestone.clock import Clock
from freestone.errors import Aborted, FreestoneError
from freestone.service import Stored, current

from .framework_tables import METADATA, PREFIX, Part
from .transaction import Transaction

if TYPE_CHECKING:
    from .database import Database

_log = logging.getLogger("freestone.data")

REPLIES: Final = Table(
    f"{PREFIX}reply",
    METADATA,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("expiry", BigInteger, nullable=False),
)
"""What each command came to; ``expiry`` is in milliseconds since 1970."""
_BY_EXPIRY: Final = Index(f"{PREFIX}reply_expiry", REPLIES.c.expiry)

PART: Final = Part("reply", (CreateTable(REPLIES), CreateIndex(_BY_EXPIRY)))

_EVERY: Final = 100
"""Rows that are written between two batches of deletions."""
_BATCH: Final = 500
"""Rows that are deleted at a time: more than come between two batches, so that what is over becomes less."""
_PATIENCE: Final = 10.0
"""Seconds for which a command without a deadline waits for its turn."""

_READ: Final = select(REPLIES.c.fingerprint, REPLIES.c.body, REPLIES.c.failed)


@final
class DatabaseReplies:
    """The ``Replies`` of a database."""

    def __init__(self, database: Database, clock: Clock, keep: float) -> None:
        """``keep`` is for how many seconds they are kept."""
        self.keep = keep
        self._database = database
        self._clock = clock
        self._written = _EVERY - 1  # a process that is started again and again sweeps all the same
        self._sweeping: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        if PART.name not in self._database.store.prepared:
            async with self._database.separate("the replies of commands", seconds=_left()) as transaction:
                await transaction.prepare(PART)

    async def recall(self, scope: str, key: str) -> Stored | None:
        statement = _READ.where(REPLIES.c.scope == scope, REPLIES.c.key == key, REPLIES.c.expiry > self._now())

        async def read(session: AsyncSession) -> Stored | None:
            found = (await (await session.connection()).execute(statement)).one_or_none()
            return None if found is None else Stored(*found)

        async with self._database.separate(f"the reply of {scope}", read_only=True, seconds=_left()) as transaction:
            return await transaction.run(read)

    async def remember(self, scope: str, key: str, stored: Stored) -> bool:
        return await self._write(self._database.current(), scope, key, stored)

    async def settle(self, scope: str, key: str, stored: Stored) -> Stored:
        try:
            async with self._database.separate(f"the reply of {scope}", seconds=_left()) as transaction:
                if await self._write(transaction, scope, key, stored):
                    return stored
        except Aborted as error:
            if not error.lost_race:
                raise
        return await self.recall(scope, key) or stored

    async def close(self) -> None:
        """Delete nothing more."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait((self._sweeping,))

    async def _write(self, transaction: Transaction, scope: str, key: str, stored: Stored) -> bool:
        now = self._now()
        row = insert(REPLIES).values(
            scope=scope,
            key=key,
            fingerprint=stored.fingerprint,
            body=stored.body,
            failed=stored.failed,
            expiry=now + int(self.keep * 1000),
        )
        new = {name: row.excluded[name] for name in ("fingerprint", "body", "failed", "expiry")}
        statement = row.on_conflict_do_update(
            index_elements=[REPLIES.c.scope, REPLIES.c.key], set_=new, where=REPLIES.c.expiry <= now
        ).returning(REPLIES.c.expiry)

        async def write(session: AsyncSession) -> bool:
            return (await (await session.connection()).execute(statement)).first() is not None

        written = await transaction.run(write)
        if written:
            transaction.after_commit(self._count)
        return written

    def _count(self) -> None:
        self._written += 1
        if self._written >= _EVERY and (self._sweeping is None or self._sweeping.done()):
            self._written = 0
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep())

    async def _sweep(self) -> None:
        over = select(REPLIES.c.scope, REPLIES.c.key).where(REPLIES.c.expiry <= self._now()).limit(_BATCH)
        statement = delete(REPLIES).where(tuple_(REPLIES.c.scope, REPLIES.c.key).in_(over))

        async def work(session: AsyncSession) -> None:
            await (await session.connection()).execute(statement)

        try:
            async with self._database.separate("the replies that are over") as transaction:
                await transaction.run(work)
        except FreestoneError as error:
            _log.debug("replies that are over were not deleted this time: %s", error)

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _left() -> float:
    """Return the seconds that the call of this place may wait."""
    context = current()
    return _PATIENCE if context is None or context.deadline is None else min(_PATIENCE, max(0.0, context.remaining()))
