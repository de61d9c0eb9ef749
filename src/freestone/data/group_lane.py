"""The lane of those who write to a SQLite file: one is in at a time, and a group of them is committed at once.

``group`` decides, and this does it. Whoever leaves after a commit is given the outcome of its group to wait for; so is
whoever is undone after it has seen what others of the group wrote, so that nothing is told of it before it is durable.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from freestone.errors import Aborted, ResourceExhausted, Unavailable
from freestone.signals import SIGNALS, CommitSent, WalGrew

from .driver import Connection as Driver
from .driver import driver_of
from .failure import code_of
from .group import Commits, Holds, Next, decide
from .lane import Patience
from .uninterrupted import after_first_step

_log = logging.getLogger("freestone.data")

_ALARM: Final = 256 * 1024 * 1024
"""Bytes of a WAL that are more than one that is folded into its file now and then comes to: that is cut to 64 MiB."""

Outcome = asyncio.Future[Exception | None]
"""None when the group is on the disk; else why it is not, or may not be."""


@dataclass(slots=True)
class _Group:
    """Members that were kept, and are to be committed at once."""

    since: float
    outcome: Outcome
    kept: int = 1
    owners: list[str] = field(default_factory=list[str])
    """Whose the members are, as far as somebody observes it."""


@dataclass(slots=True)
class _Place:
    """A place in the queue."""

    owner: str
    turn: asyncio.Future[None] = field(repr=False)


@final
class GroupLane:
    """Lets one transaction in at a time, in the order in which they came; at most ``waiting`` may wait."""

    slots = 1

    def __init__(
        self, engine: AsyncEngine, *, waiting: int, database: str, monotonic: Callable[[], float], wal: Path
    ) -> None:
        self.open = 0
        """How many transactions are in."""
        self.engine = engine
        self.commits = 0
        """How many groups were committed, or tried to be."""
        self._monotonic = monotonic
        self._limit = waiting
        self._database = database
        self._closed = False
        self._queue: deque[_Place] = deque()
        self._owner = ""
        self._admitted = 0.0
        self._connection: AsyncConnection | None = None
        self._driver: Driver | None = None
        self._group: _Group | None = None
        self._committing: asyncio.Task[None] | None = None
        self._ticking = False
        self._alone = False
        self._idle = asyncio.Event()
        self._holds = Holds()
        self._commits = Commits()
        self._wal = wal
        self.alarm = _ALARM
        """Bytes of the WAL at which the next alarm is given."""

    async def enter(self, owner: str) -> None:
        """Wait for the turn. Raises ResourceExhausted when too many wait, Unavailable when the lane is closed."""
        if self._closed:
            raise Unavailable(f"the database {self._database} is closed")
        if not self._queue and not self.open and self._committing is None and self._next(owner) is Next.ADMIT:
            self._admit(owner)
            return
        if len(self._queue) >= self._limit:
            raise ResourceExhausted(
                f"{len(self._queue)} transactions already wait for the database {self._database}, and no more may"
            )
        place = _Place(owner, asyncio.get_running_loop().create_future())
        self._queue.append(place)
        self._advance()
        try:
            await place.turn
        except asyncio.CancelledError:
            if place.turn.cancelled():
                if place in self._queue:  # unless whoever left in the same turn of the loop has passed over it
                    self._queue.remove(place)
                self._advance()
            else:
                self.leave()
            raise

    async def connect(self, patience: Patience) -> AsyncConnection:
        """Return a connection for whoever is in: that of the group, if there is one."""
        connection = self._connection
        if connection is None:
            connection = self._connection = await self.engine.connect()
            self._driver = driver_of(connection)
        return connection

    async def give_back(self, connection: AsyncConnection) -> None:
        """Take the connection back from whoever is in. It stays open as long as a group has it."""
        if self._driver is None or not self._driver.holds_lock:
            await self._disconnect()

    def leave(self, kept: bool = False) -> Outcome | None:
        """Let the next one in, or commit. Returns the outcome to wait for, if there is one.

        ``kept`` is whether what the member has written is to be committed.
        """
        self.open = 0
        now = self._monotonic()
        if self._driver is not None and self._driver.since >= self._admitted:
            self._holds.learn(self._owner, now - self._driver.since)
        if kept and self._group is None:
            self._group = _Group(now, asyncio.get_running_loop().create_future())
        elif kept and self._group is not None:
            self._group.kept += 1
        group = self._group
        if kept and group is not None and SIGNALS.observed:
            group.owners.append(self._owner)
        self.look()
        self._advance()
        return None if group is None else group.outcome

    def look(self) -> None:
        """Tell the members of the group if their transaction has ended without them."""
        group = self._group
        if group is not None and self._committing is None and (self._driver is None or not self._driver.holds_lock):
            self._group = None
            group.outcome.set_result(
                Aborted(f"a failure of {self._owner} took back what others had written in its group")
            )

    async def close(self) -> None:
        """Let nobody in any more, wait for those that are in or wait, and close the connection."""
        self._closed = True
        try:
            while self.open or self._queue or self._group is not None:
                self._idle.clear()
                await self._idle.wait()
        finally:
            await self.engine.dispose()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _next(self, waiting: str | None) -> Next:
        group = self._group
        if group is None:
            return decide(self._commits, self._holds, 0, 0.0, waiting)
        if self._alone:
            return Next.COMMIT
        return decide(self._commits, self._holds, group.kept, self._monotonic() - group.since, waiting)

    def _admit(self, owner: str) -> None:
        self.open = 1
        self._owner = owner
        self._admitted = self._monotonic()

    def _advance(self) -> None:
        """Do what is next, if nobody is in."""
        if self.open or self._committing is not None:
            return
        while self._queue and self._queue[0].turn.done():
            self._queue.popleft()
        step = self._next(self._queue[0].owner if self._queue else None)
        if step is Next.ADMIT:
            place = self._queue.popleft()
            self._admit(place.owner)
            place.turn.set_result(None)
        elif step is Next.COMMIT and self._queue:
            self._begin_commit()
        elif step is Next.COMMIT and not self._ticking:
            # Those who are about to come have their turn of the loop first.
            self._ticking = True
            asyncio.get_running_loop().call_soon(self._tick)
        elif step is Next.REST:
            self._idle.set()

    def _tick(self) -> None:
        self._ticking = False
        if not self.open and self._committing is None and self._group is not None:
            self._begin_commit()

    def _begin_commit(self) -> None:
        assert self._group is not None
        self._committing = asyncio.ensure_future(self._commit(self._group))

    async def _commit(self, group: _Group) -> None:
        assert self._driver is not None
        self.commits += 1
        began = self._monotonic()
        failure: Exception | None = Unavailable(f"the database {self._database} was left while a commit went on")
        try:
            committing = self._driver.commit_group()
            await (after_first_step(committing, partial(self._sent, group)) if SIGNALS.observed else committing)
            failure = None
            self._watch()
        except Exception as error:
            failure = error
        finally:
            self._commits.learn(self._monotonic() - began)
            await self._disconnect()
            self._committing = self._group = None
            group.outcome.set_result(self._explain(failure, group.kept))
            self._advance()

    def _sent(self, group: _Group) -> None:
        for owner in group.owners:
            SIGNALS.announce(CommitSent(self._database, owner))

    def _watch(self) -> None:
        """Say when the WAL has grown, and again when it is twice as long."""
        try:
            size = self._wal.stat().st_size
        except OSError:
            return
        if size >= self.alarm:
            self.alarm = 2 * size
            _log.warning(
                "the WAL of the database %s has grown to %d MB: something that reads for long keeps it from being "
                "folded into the file",
                self._database,
                size // 1_000_000,
            )
            if SIGNALS.observed:
                SIGNALS.announce(WalGrew(self._database, size))

    def _explain(self, failure: Exception | None, members: int) -> Exception | None:
        if members > 1 and failure is not None and code_of(failure) & 0xFF == sqlite3.SQLITE_CONSTRAINT:
            # A constraint that is checked at the end, and nobody can say whose it is: each by itself from now on.
            self._alone = True
            return Aborted("one of a group of transactions has left a reference to nothing, and all were undone")
        return failure
