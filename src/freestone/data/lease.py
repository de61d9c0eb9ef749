"""Leases in a service's database.

All that use a file of SQLite are on one machine, and share its monotonic clock, which nobody sets: that is the time of
the lease. No time of day is read. After a restart of the machine that clock begins anew; then, and wherever else the
times can't be compared (``era``), a lease is over when somebody has *watched* it for all of its seconds without a
renewal.

The row of a name stays when the lease is released, so that the token goes on counting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from freestone.clock import Clock
from freestone.lease import Held

from .framework_tables import Part, prepare
from .transaction import Transaction

if TYPE_CHECKING:
    from .sqlite import SQLite

_T = TypeVar("_T")

LEASES = Part(
    "lease",
    (
        """
        CREATE TABLE freestone_lease (
            name TEXT PRIMARY KEY,
            token INTEGER NOT NULL,
            holder TEXT,
            seconds REAL NOT NULL,
            era TEXT NOT NULL,
            expiry REAL NOT NULL,
            beat INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE freestone_fence (
            name TEXT PRIMARY KEY,
            token INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
    ),
)
"""Who holds which lease, and the highest token that was shown for each name. A free lease has no holder."""

_READ = text("SELECT token, holder, seconds, era, expiry, beat FROM freestone_lease WHERE name = :name")
_TAKE = text(
    """
    INSERT INTO freestone_lease (name, token, holder, seconds, era, expiry, beat)
    VALUES (:name, 1, :holder, :seconds, :era, :expiry, 0)
    ON CONFLICT (name) DO UPDATE SET
        token = token + 1, holder = :holder, seconds = :seconds, era = :era, expiry = :expiry, beat = 0
    RETURNING token
    """
)
_RENEW = text(
    """
    UPDATE freestone_lease SET seconds = :seconds, era = :era, expiry = :expiry, beat = beat + 1
    WHERE name = :name AND token = :token AND holder IS NOT NULL
    RETURNING token
    """
)
_RELEASE = text("UPDATE freestone_lease SET holder = NULL WHERE name = :name AND token = :token")


@final
@dataclass(frozen=True, slots=True)
class LeaseRow:
    """What the database says of a lease."""

    token: int
    holder: str | None
    seconds: float
    era: str
    expiry: float
    beat: int


@final
@dataclass(frozen=True, slots=True)
class Sight:
    """A lease that was seen to be held, and since when it has not changed."""

    token: int
    beat: int
    since: float


def judged(row: LeaseRow | None, era: str, now: float, sight: Sight | None) -> Sight | None:
    """Return None if the lease may be taken, and otherwise what to remember of it until the next look.

    ``now`` is this process's monotonic time, in its ``era``; ``sight`` what it remembered at its last look.
    """
    if row is None or row.holder is None:
        return None
    if row.era == era:
        return None if row.expiry <= now else Sight(row.token, row.beat, now)
    if sight is None or (sight.token, sight.beat) != (row.token, row.beat):
        return Sight(row.token, row.beat, now)
    return None if sight.since + row.seconds <= now else sight


@final
class DatabaseLeases:
    """The ``LeaseStore`` of a database. Each request is a transaction of its own."""

    def __init__(self, store: Callable[[], SQLite], clock: Clock, era: str) -> None:
        self._store = store
        self._clock = clock
        self._era = era
        self._sights: dict[str, Sight] = {}
        self._prepared = False

    async def acquire(self, name: str, holder: str, seconds: float) -> int | Held:
        async def work(session: AsyncSession) -> int | Held:
            found = (await session.execute(_READ, {"name": name})).one_or_none()
            row = None if found is None else LeaseRow(*found)
            now = self._clock.monotonic()  # read after the lock was had, for which it may have waited
            sight = judged(row, self._era, now, self._sights.pop(name, None))
            if sight is not None:
                self._sights[name] = sight
                assert row is not None
                return Held(row.holder or "")
            values = {"name": name, "holder": holder, "seconds": seconds, "era": self._era, "expiry": now + seconds}
            return int((await session.execute(_TAKE, values)).scalar_one())

        return await self._transaction(f"the lease {name}", seconds, work)

    async def renew(self, name: str, token: int, seconds: float) -> bool:
        async def work(session: AsyncSession) -> bool:
            expiry = self._clock.monotonic() + seconds
            values = {"name": name, "token": token, "seconds": seconds, "era": self._era, "expiry": expiry}
            return (await session.execute(_RENEW, values)).first() is not None

        return await self._transaction(f"the lease {name}", seconds, work)

    async def release(self, name: str, token: int) -> None:
        async def work(session: AsyncSession) -> None:
            await session.execute(_RELEASE, {"name": name, "token": token})

        await self._transaction(f"the lease {name}", 10.0, work)

    async def _transaction(self, owner: str, seconds: float, work: Callable[[AsyncSession], Awaitable[_T]]) -> _T:
        """Do the work in a transaction that waits for its turn for a sixth of the lease's seconds."""
        patience = min(10.0, max(0.2, seconds / 6))
        until = asyncio.get_running_loop().time() + patience
        transaction = Transaction(self._store(), owner, read_only=False, until=until)
        try:
            if not self._prepared:
                await transaction.run(lambda session: prepare(session, LEASES))
            result = await transaction.run(work)
            await transaction.commit()
            self._prepared = True
            return result
        finally:
            await transaction.rollback()
