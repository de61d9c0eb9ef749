"""Which ticks are settled, in the service's database: one row a schedule, which says until when.

A tick takes effect in the transaction that moves the row past it. The row moves forward only, and only once past each
tick, so of two runs of one tick, in whichever processes, the database lets one commit.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from freestone.data import Database, Part, Transaction
from freestone.errors import FailedPrecondition

TICKS = Part(
    "schedule",
    ("CREATE TABLE freestone_tick (schedule VARCHAR(200) PRIMARY KEY, tick BIGINT NOT NULL)",),
)
"""Of each schedule the latest settled tick, in seconds since 1970."""

_BEGIN = text("INSERT INTO freestone_tick (schedule, tick) VALUES (:schedule, :tick) ON CONFLICT (schedule) DO NOTHING")
_READ = text("SELECT tick FROM freestone_tick WHERE schedule = :schedule")
_SETTLE = text("UPDATE freestone_tick SET tick = :tick WHERE schedule = :schedule AND tick < :tick RETURNING schedule")


@final
class TickSettled(FailedPrecondition):
    """The tick took effect elsewhere meanwhile."""


@final
class Ledger:
    """The settled ticks of one schedule."""

    def __init__(self, database: Database, schedule: str) -> None:
        self._database = database
        self._schedule = schedule

    async def begin(self, now: datetime) -> datetime:
        """Return until when ticks are settled. For a schedule that the database has not seen that is now."""
        async with self._database.transaction() as transaction:
            await transaction.prepare(TICKS)
            return await transaction.run(lambda session: self._begin(session, now))

    async def last(self) -> datetime:
        """Return until when ticks are settled."""
        async with self._database.transaction() as transaction:
            return await transaction.run(self._read)

    async def settle(self, tick: datetime) -> bool:
        """Settle a tick, and those before it, without a run. Return False if it is settled already."""
        async with self._database.transaction() as transaction:
            return await transaction.run(lambda session: self._settle(session, tick))

    def settle_with(self, tick: datetime) -> None:
        """Settle a tick in the transaction of the handler that runs here; if it is settled already, nothing of it is
        written, and TickSettled is raised."""

        async def claim(transaction: Transaction) -> None:
            if not await transaction.run(lambda session: self._settle(session, tick)):
                raise TickSettled(f"the tick {tick:%Y-%m-%d %H:%M:%S} of {self._schedule} took effect elsewhere")

        self._database.before_commit(claim)

    async def _begin(self, session: AsyncSession, now: datetime) -> datetime:
        await session.execute(_BEGIN, {"schedule": self._schedule, "tick": int(now.timestamp())})
        return await self._read(session)

    async def _read(self, session: AsyncSession) -> datetime:
        found = await session.scalar(_READ, {"schedule": self._schedule})
        return datetime.fromtimestamp(int(found or 0), UTC)

    async def _settle(self, session: AsyncSession, tick: datetime) -> bool:
        values = {"schedule": self._schedule, "tick": int(tick.timestamp())}
        return (await session.execute(_SETTLE, values)).first() is not None
