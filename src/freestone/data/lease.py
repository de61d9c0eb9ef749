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
from typing import TypeVar, final

from sqlalchemy import Column, Double, Integer, Table, Text, Update, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import CreateTable

from freestone.clock import Clock
from freestone.lease import Held

from .framework_tables import METADATA, Part
from .store import Store
from .transaction import Transaction

_T = TypeVar("_T")

LEASE = Table(
    "freestone_lease",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("token", Integer, nullable=False),
    Column("holder", Text),
    Column("seconds", Double, nullable=False),
    Column("era", Text, nullable=False),
    Column("expiry", Double, nullable=False),
    Column("beat", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Who holds which lease. A free one has no holder."""

FENCE = Table(
    "freestone_fence",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("token", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The highest token that was shown for each name."""

LEASES = Part("lease", (CreateTable(LEASE), CreateTable(FENCE)))

_READ = select(*(LEASE.c[name] for name in ("token", "holder", "seconds", "era", "expiry", "beat")))


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

    def __init__(self, store: Callable[[], Store], clock: Clock, era: str) -> None:
        self._store = store
        self._clock = clock
        self._era = era
        self._sights: dict[str, Sight] = {}

    async def acquire(self, name: str, holder: str, seconds: float) -> int | Held:
        async def work(session: AsyncSession) -> int | Held:
            found = (await session.execute(_READ.where(LEASE.c.name == name))).one_or_none()
            row = None if found is None else LeaseRow(*found)
            now = self._clock.monotonic()  # read after the lock was had, for which it may have waited
            sight = judged(row, self._era, now, self._sights.pop(name, None))
            if sight is not None:
                self._sights[name] = sight
                assert row is not None
                return Held(row.holder or "")
            values = {"holder": holder, "seconds": seconds, "era": self._era, "expiry": now + seconds, "beat": 0}
            taken = insert(LEASE).values(name=name, token=1, **values)
            taken = taken.on_conflict_do_update(index_elements=["name"], set_={"token": LEASE.c.token + 1, **values})
            token: int = (await session.execute(taken.returning(LEASE.c.token))).scalar_one()
            return token

        return await self._transaction(f"the lease {name}", seconds, work)

    async def renew(self, name: str, token: int, seconds: float) -> bool:
        async def work(session: AsyncSession) -> bool:
            expiry = self._clock.monotonic() + seconds
            renewed = (
                _theirs(name, token)
                .where(LEASE.c.holder.is_not(None))
                .values(seconds=seconds, era=self._era, expiry=expiry, beat=LEASE.c.beat + 1)
            )
            return (await session.execute(renewed.returning(LEASE.c.token))).first() is not None

        return await self._transaction(f"the lease {name}", seconds, work)

    async def release(self, name: str, token: int) -> None:
        async def work(session: AsyncSession) -> None:
            await session.execute(_theirs(name, token).values(holder=None))

        await self._transaction(f"the lease {name}", 10.0, work)

    async def _transaction(self, owner: str, seconds: float, work: Callable[[AsyncSession], Awaitable[_T]]) -> _T:
        """Do the work in a transaction that waits for its turn for a sixth of the lease's seconds."""
        until = asyncio.get_running_loop().time() + patience(seconds)
        transaction = Transaction(self._store(), owner, read_only=False, until=until, own=True)
        try:
            await transaction.prepare(LEASES)
            result = await transaction.run(work)
            await transaction.commit()
            return result
        finally:
            await transaction.rollback()


def patience(seconds: float) -> float:
    """Return how long a request may wait that is about a lease of so many seconds."""
    return min(10.0, max(0.2, seconds / 6))


def _theirs(name: str, token: int) -> Update:
    """Return an update of the lease, if it still has that token."""
    return update(LEASE).where(LEASE.c.name == name, LEASE.c.token == token)
