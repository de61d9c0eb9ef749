"""aiosqlite, with one trip to its thread for a statement instead of four.

SQLAlchemy makes a cursor, executes, fetches all rows and closes the cursor, and aiosqlite goes to the thread of the
connection for each. Between two threads of Python that is what a small statement costs, so they are taken together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast, final

import aiosqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def connector(path: Path, patience: float, pragmas: Sequence[str]) -> Callable[[], Connection]:
    """Return what opens a connection to the file: it waits that many seconds for locks, and has those settings."""

    def connect() -> sqlite3.Connection:
        # No isolation level: sqlite3 shall not begin transactions on its own.
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    return lambda: Connection(connect)


def driver_of(connection: AsyncConnection) -> Connection:
    """Return the driver's connection that SQLAlchemy's uses."""
    assert connection.sync_connection is not None
    return cast("Connection", connection.sync_connection.connection.driver_connection)


@final
class Connection(aiosqlite.Connection):
    """A connection, and the thread in which it works. Open it by awaiting it."""

    recovers = True
    in_order = False  # a commit that failed may have left its transaction open, or have ended it

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connect, iter_chunk_size=64)
        self._thread.daemon = True  # a program that forgets to close its database shall end all the same

    def cursor(self) -> Cursor:  # type: ignore[override]  # aiosqlite's is made in the thread
        return Cursor(self)

    def execute_all(self, sql: str, parameters: Any, *, many: bool = False) -> Any:
        """Return an awaitable of the cursor that executed the statement, and its rows."""
        untyped = cast("Any", self)
        return untyped._execute(self._execute_and_fetch, sql, parameters, many)

    def hurry(self) -> None:
        """Make what the connection executes end now, with an error. Does nothing if it executes nothing."""
        if self._connection is not None:
            self._connection.interrupt()  # the one method that may be called from another thread

    async def settled(self) -> None:
        """Return at once: an interrupt meets what is executed at that moment, or nothing."""

    def _execute_and_fetch(self, sql: str, parameters: Any, many: bool) -> tuple[sqlite3.Cursor, list[Any]]:
        cursor = self._conn.cursor()
        if many:
            return cursor.executemany(sql, parameters), []
        cursor.execute(sql, parameters)
        return cursor, cursor.fetchall() if cursor.description else []


@final
class Cursor:
    """What SQLAlchemy expects of a cursor. It has the rows of its statement from the moment it was executed."""

    def __init__(self, connection: Connection) -> None:
        self.arraysize = 1
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self._connection = connection
        self._rows: list[Any] = []

    async def __aenter__(self) -> Cursor:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> None:
        self._took(*await self._connection.execute_all(sql, parameters))

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> None:
        self._took(*await self._connection.execute_all(sql, parameters, many=True))

    async def fetchone(self) -> Any:
        return next(iter(self._take(1)), None)

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        return self._take(self.arraysize if size is None else size)

    async def fetchall(self) -> list[Any]:
        return self._take(len(self._rows))

    async def __aiter__(self) -> AsyncIterator[Any]:
        for row in self._take(len(self._rows)):
            yield row

    async def close(self) -> None:
        self._rows = []

    def _took(self, cursor: sqlite3.Cursor, rows: list[Any]) -> None:
        self.description = cursor.description
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid
        self._rows = rows

    def _take(self, count: int) -> list[Any]:
        taken, self._rows = self._rows[:count], self._rows[count:]
        return taken
