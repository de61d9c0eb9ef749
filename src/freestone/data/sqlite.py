"""A SQLite file, and the connections to it: what is durable, who may write, and how long one waits.

The settings are not for taste. WAL lets readers go on while one writes. ``synchronous=FULL`` is what makes a commit
outlast a power loss; with ``NORMAL`` the last ones are gone. A transaction that writes takes the lock when it
begins, by BEGIN IMMEDIATE: one that begins as a reader and then writes is refused at once when somebody else wrote
meanwhile, however long it would have waited. One connection of a process writes, so that transactions queue in
order here, rather than poll SQLite's lock against each other; between processes they do poll it.

Python's sqlite3 begins transactions by itself, before some statements and not before others. It is told to leave
that to us, as SQLAlchemy's documentation of its SQLite dialect advises.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import final

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from freestone.errors import DataLoss, Unavailable

from .dbapi import Dbapi
from .driver import Connection as Driver
from .driver import Use, connector, driver_of
from .durability import SYNCHRONOUS, Durability
from .failure import is_busy, is_read_only, translate
from .group_lane import GroupLane
from .lane import Lane
from .notices import Exchange, Within
from .store import Dialect
from .wal import damaged_frame

_SLICE = 0.05
"""Seconds for which SQLite waits for the lock before we look whether there is still a reason to."""

_PRAGMAS = ("foreign_keys=ON", "journal_size_limit=67108864")
"""Of each connection; that the journal is the WAL is written in the file. The WAL is cut back to 64 MiB."""


@final
class SQLite:
    """One database file. ``writing`` has one connection, ``reading`` has ``readers`` that can't write."""

    dialect: Dialect = "sqlite"
    writing: GroupLane
    reading: Lane

    def __init__(
        self,
        path: Path,
        *,
        readers: int,
        waiting: int,
        monotonic: Callable[[], float],
        durability: Durability = "full",
    ) -> None:
        self.path = path
        self.name = path.stem
        self.place = str(path)
        self.prepared: set[str] = set()
        self._readers = readers
        self._waiting = waiting
        self._monotonic = monotonic
        self._wal = path.with_name(f"{path.name}-wal")
        self._in_order = durability == "full"
        self._pragmas = (f"synchronous={SYNCHRONOUS[durability]}", *_PRAGMAS)

    async def start(self) -> None:
        """Create the file if it is missing. Raises Unavailable when it can't be opened."""
        self.prepared.clear()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(f"the folder {self.path.parent} can't be made: {error.strerror}") from error
        if self._in_order:
            await asyncio.to_thread(self._refuse_damage)
        try:
            await self._use_wal()
        except sqlite3.Error as error:
            raise translate(error, f"{self.name} ({self.path})") from error
        self.writing = GroupLane(
            self._engine("grouped", 1, *self._pragmas),
            waiting=self._waiting,
            database=self.name,
            monotonic=self._monotonic,
            wal=self._wal,
        )
        self.reading = self._lane("reads", self._readers, *self._pragmas, "query_only=ON")

    async def close(self) -> None:
        """Close the connections, once those that use one have ended."""
        try:
            await self.reading.close()
        finally:
            await self.writing.close()

    @property
    def exchange(self) -> Exchange:
        """None that carries anything: a file tells nobody."""
        return Within()

    @property
    def own(self) -> GroupLane:
        """The one lane that writes: there is no other way in."""
        return self.writing

    def driver(self, connection: AsyncConnection) -> Driver:
        """Return the driver's connection below that of SQLAlchemy."""
        return driver_of(connection)

    def refuses_writes(self, error: BaseException) -> bool:
        """Whether the error says that the connection, or the file, does not take writes."""
        return is_read_only(error)

    def translate(self, error: Exception) -> Exception:
        """Return what the table of ``failure`` says of the error."""
        return translate(error, self.name)

    def migrating(self) -> Lane:
        """Return a lane of its own for a migration.

        Foreign keys are off in it, for SQLite changes most of a table by making a new one and dropping the old;
        with them on, that would delete what refers to its rows. The migration checks them when it is done.
        """
        return self._lane("writes", 1, "synchronous=FULL", "foreign_keys=OFF")

    async def begin(
        self, connection: AsyncConnection, until: float, is_over: Callable[[], bool], *, ends: bool = False
    ) -> None:
        """Begin a transaction, waiting for the lock until that moment of the loop's time, or until ``is_over()``.

        Gives up a little earlier, so that the caller learns of the lock rather than of its deadline: raises
        Unavailable when another process has held it all the while.
        """
        loop = asyncio.get_running_loop()
        driver = driver_of(connection)
        while True:
            try:
                await driver.begin()
            except sqlite3.Error as error:
                if not is_busy(error) or is_over():
                    raise DBAPIError.instance("BEGIN", {}, error, sqlite3.Error) from error
                if loop.time() >= until - 2 * _SLICE:
                    raise Unavailable(f"the database {self.name} was locked by another process all the time") from error
            else:
                break

    def _refuse_damage(self) -> None:
        """Raise DataLoss if the WAL is damaged in its midst, before SQLite takes that for its end."""
        seen = None
        while True:
            try:
                frame = damaged_frame(self._wal.read_bytes())
            except OSError:
                return  # there is none, or SQLite will say what is the matter
            if frame is None:
                return
            if frame == seen:
                where = f"at its frame {frame}" if frame else "in its header"
                raise DataLoss(
                    f"the database {self.name} can't be opened: {self._wal} is damaged {where}, and what was committed "
                    "after that would be dropped; put a copy in its place, or move it away to go on without it"
                )
            seen = frame
            time.sleep(_SLICE)  # another process may have been writing it

    async def _use_wal(self) -> None:
        """Write into the file that its journal is a WAL.

        SQLite refuses at once, instead of waiting, when two processes do this to a new file at the same moment.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + 10.0
        while True:
            try:
                mode = await asyncio.to_thread(_switch_to_wal, self.path)
            except sqlite3.Error as error:
                if not is_busy(error) or loop.time() >= until:
                    raise
                await asyncio.sleep(_SLICE)
            else:
                break
        if mode != "wal":
            raise Unavailable(f"{self.path} is on a file system that SQLite can't use: it keeps journal_mode={mode}")

    def _lane(self, use: Use, slots: int, *pragmas: str) -> Lane:
        return Lane(self._engine(use, slots, *pragmas), slots=slots, waiting=self._waiting, database=self.name)

    def _engine(self, use: Use, slots: int, *pragmas: str) -> AsyncEngine:
        return create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(self.path)),
            module=Dbapi(),
            async_creator=connector(self.path, use, _SLICE, pragmas, self._monotonic),
            pool_size=slots,
            max_overflow=0,
            pool_reset_on_return=None,  # a transaction ends what it began, and gives back nothing else
        )


def _switch_to_wal(path: Path) -> str:
    connection = sqlite3.connect(path, isolation_level=None, timeout=1.0)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        return str(mode)
    finally:
        connection.close()
