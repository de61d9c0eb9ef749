"""A connection to a SQLite file: what takes long in a thread of its own, and what is quick right here.

SQLite runs in this process. A small statement takes it some microseconds, and a trip to a thread and back a hundred.
So a statement that was quick the last times (``pace``) is executed in the thread of the event loop; all others, and
whatever waits for the disk or for a lock, as a commit, go to the connection's thread. What has become slow all the
same is stopped if it only reads, and then executed in the thread; if it writes it is finished, and goes to the thread
the next time.

A connection that is *grouped* keeps a transaction open over several of those that use it, which are its members: the
first begins it, each of the others is a savepoint in it, and ``commit_group`` commits it.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, cast, final

import aiosqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from .pace import Pace

_OPERATIONS: Final = 20_000
"""Steps of SQLite's machine, about a millisecond, after which a statement that reads is stopped if it is run here."""
_STREAK: Final = 50
"""Statements in a row that are run here. The next one takes the trip, so that others get their turn of the loop."""
_FEW: Final = 16
"""Parameters for which a statement is executed here at once."""
_GRACE: Final = 0.1
"""Seconds that a write has to end by itself when it would take others with it."""

Rows = list[Any]


Use = Literal["reads", "writes", "grouped"]
"""What a connection is for."""


def connector(
    path: Path, use: Use, patience: float, pragmas: Sequence[str], monotonic: Callable[[], float]
) -> Callable[[], Connection]:
    """Return what opens a connection to the file: it waits that many seconds for locks, and has those settings."""

    def connect() -> sqlite3.Connection:
        # No isolation level: sqlite3 shall not begin transactions on its own. One thread at a time uses it.
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    return lambda: Connection(connect, use, patience, monotonic)


def driver_of(connection: AsyncConnection) -> Connection:
    """Return the driver's connection that SQLAlchemy's uses."""
    assert connection.sync_connection is not None
    return cast("Connection", connection.sync_connection.connection.driver_connection)


_CONTROL: Final = re.compile(r"\s*(BEGIN|COMMIT|END|ROLLBACK(?!\s+(TRANSACTION\s+)?TO\b))\b", re.IGNORECASE)
"""Statements that would end or begin the transaction of everybody who shares the connection."""


def reads(sql: str) -> bool:
    """Whether the statement surely only reads.

    >>> reads(" select 1"), reads("INSERT INTO t VALUES (1) RETURNING id"), reads("WITH n AS (SELECT 1) DELETE FROM t")
    (True, False, False)
    """
    return sql.lstrip()[:6].upper() == "SELECT"


@final
class Connection(aiosqlite.Connection):
    """A connection, and the thread in which it works. Open it by awaiting it."""

    recovers = True
    in_order = False  # a commit that failed may have left its transaction open, or have ended it

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], use: Use, patience: float, monotonic: Callable[[], float]
    ) -> None:
        super().__init__(connect, iter_chunk_size=64)
        self._thread.daemon = True  # a program that forgets to close its database shall end all the same
        self.use: Final = use
        self.since = 0.0
        """When the transaction, or the member that is in, has begun."""
        self.kept = 0
        """Members of the open transaction that have ended well."""
        self.here = 0
        """Statements that were executed without a trip."""
        self.there = 0
        """Statements, and other work, that took one."""
        self._patience = patience
        self._monotonic = monotonic
        self._pace = Pace()
        self._streak = 0
        self._is_in = False
        self._nested = False
        self._trips = 0
        self._stoppable = False
        self._at_work: object | None = None
        self._writes = False

    async def open(self) -> Connection:
        """Open it, in its thread. Return it."""
        await self
        self._conn.set_progress_handler(self._stop, _OPERATIONS)
        return self

    @property
    def is_open(self) -> bool:
        """Whether there is something below."""
        return self._connection is not None

    @property
    def in_transaction(self) -> bool:
        """Whether what was begun can go on: SQLite ends a transaction by itself after some failures."""
        return self._is_in and self.holds_lock

    @property
    def holds_lock(self) -> bool:
        """Whether a transaction is open, of which the members that were kept are a part."""
        return self._connection is not None and self._connection.in_transaction

    def hurry(self) -> None:
        """Make what the thread executes end now, with an error. Does nothing if it executes nothing.

        SQLite takes a transaction back whose write is interrupted. If that has other members, the write may end by
        itself; one that does not is interrupted all the same.
        """
        running = self._at_work
        if running is None or self._connection is None:
            return
        if self._writes and self.kept:
            asyncio.get_running_loop().call_later(_GRACE, self._interrupt, running)
        else:
            self._interrupt(running)

    async def begin(self) -> None:
        """Begin a transaction, or a member of that which is open. Raises SQLITE_BUSY if another process writes."""
        if self.use == "grouped" and self._conn.in_transaction:
            self._conn.execute("SAVEPOINT freestone_member")
            self._nested = True
        else:
            self.kept = 0
            self._nested = False
            await self._begin("BEGIN" if self.use == "reads" else "BEGIN IMMEDIATE")
        self._is_in = True
        self._trips = self.there
        self.since = self._monotonic()

    async def commit(self) -> None:
        """Commit the transaction; of a grouped one, keep the member, of which the rest is to be done by the group."""
        if not self._is_in:
            return
        self._is_in = False
        if self.use == "reads":
            self._conn.execute("COMMIT")  # which has nothing to write
        elif self.use == "writes":
            await self.trip(self._conn.execute, "COMMIT")
        else:
            if self._nested:
                self._conn.execute("RELEASE freestone_member")
            self.kept += 1

    async def rollback(self) -> None:
        """Undo the transaction; of a grouped one, the member."""
        is_in, self._is_in = self._is_in, False
        if not is_in or not self.holds_lock:
            return
        undo = self._undo_member if self._nested else self._undo_all
        if self.use == "reads" or self._trips == self.there:
            undo()  # what was written without a trip is undone without one
        else:
            await self.trip(undo)

    async def commit_group(self) -> None:
        """Commit what the members have written. If it fails, nothing is open afterwards."""
        try:
            await self.trip(self._conn.execute, "COMMIT")
        except BaseException:
            if self.holds_lock:
                await self.trip(self._undo_all)
            raise
        finally:
            self.kept = 0

    async def trip(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Do something in the thread."""
        self.there += 1
        self._streak = 0
        untyped = cast("Any", self)
        return await untyped._execute(work, *arguments)

    def execute_here(self, sql: str, parameters: Any, many: bool = False) -> tuple[sqlite3.Cursor, Rows] | None:
        """Execute a statement that tends to be quick, and return its rows. None if it is one for the thread.

        With ``many`` it is executed for each of the parameters, if they are few.
        """
        if not self._pace.is_quick(sql) or self._streak >= _STREAK or (many and len(parameters) > _FEW):
            return None
        self._streak += 1
        self.here += 1
        self._stoppable = reads(sql)
        began = self._monotonic()
        try:
            if many:
                return self._conn.executemany(sql, parameters), []
            cursor = self._conn.execute(sql, parameters)
            return cursor, cursor.fetchall() if cursor.description else []
        except sqlite3.OperationalError as error:
            if self._stoppable and error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return None
            raise
        finally:
            self._stoppable = False
            self._pace.learn(sql, self._monotonic() - began)

    async def execute_there(self, sql: str, parameters: Any, many: bool = False) -> tuple[sqlite3.Cursor, Rows]:
        """Execute a statement in the thread, and return its rows. Raises ProgrammingError for COMMIT and its like."""
        if _CONTROL.match(sql):
            raise sqlite3.ProgrammingError(
                f"{sql.strip()} is refused: a transaction is ended by leaving its block or its handler"
            )
        running = self._at_work = object()
        self._writes = not reads(sql)
        try:
            cursor, rows, seconds = await self.trip(self._execute_and_fetch, sql, parameters, many)
        finally:
            if self._at_work is running:
                self._at_work = None
        if not many or len(parameters) <= _FEW:
            self._pace.learn(sql, seconds)
        return cursor, rows

    def rows_here(self, sql: str, values: Any, many: bool = False) -> Rows | None:
        """Execute a statement without a trip, and return its rows. None if it is one for the thread."""
        try:
            done = self.execute_here(sql, values, many)
        except sqlite3.Error as error:
            raise _wrapped(sql, error) from error
        return None if done is None else done[1]

    async def rows_there(self, sql: str, values: Any, many: bool = False) -> Rows:
        """Execute a statement in the thread, and return its rows."""
        try:
            return (await self.execute_there(sql, values, many))[1]
        except sqlite3.Error as error:
            raise _wrapped(sql, error) from error

    async def end(self, commit: bool) -> None:
        """Commit, or undo, what was begun. Raises DBAPIError."""
        try:
            await (self.commit() if commit else self.rollback())
        except sqlite3.Error as error:
            raise _wrapped("COMMIT" if commit else "ROLLBACK", error) from error

    def cursor(self) -> Cursor:  # type: ignore[override]  # aiosqlite's is made in the thread
        return Cursor(self)

    async def settled(self) -> None:
        """Return at once: an interrupt meets what is executed at that moment, or nothing."""

    def _execute_and_fetch(self, sql: str, parameters: Any, many: bool) -> tuple[sqlite3.Cursor, Rows, float]:
        began = self._monotonic()
        cursor = self._conn.cursor()
        if many:
            return cursor.executemany(sql, parameters), [], self._monotonic() - began
        cursor.execute(sql, parameters)
        rows = cursor.fetchall() if cursor.description else []
        return cursor, rows, self._monotonic() - began

    async def _begin(self, statement: str) -> None:
        """Begin here, and wait for a lock in the thread if somebody else has it."""
        connection = self._conn
        if self.use != "reads":
            connection.execute("PRAGMA busy_timeout=0")
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        finally:
            if self.use != "reads":
                connection.execute(f"PRAGMA busy_timeout={int(self._patience * 1000)}")
        await self.trip(connection.execute, statement)

    def _undo_member(self) -> None:
        self._conn.execute("ROLLBACK TO freestone_member")
        self._conn.execute("RELEASE freestone_member")

    def _undo_all(self) -> None:
        self._conn.execute("ROLLBACK")

    def _interrupt(self, running: object) -> None:
        if self._at_work is running and self._connection is not None:
            self._connection.interrupt()  # the one method that may be called while another thread is in it

    def _stop(self) -> bool:
        """Be asked by SQLite, now and then in a long statement, whether to stop it."""
        return self._stoppable


def _wrapped(sql: str, error: sqlite3.Error) -> BaseException:
    """Return the error as SQLAlchemy raises it."""
    return DBAPIError.instance(sql, None, error, sqlite3.Error)


@final
class Cursor:
    """A cursor for rows that are streamed. It has those of its statement from the moment it was executed."""

    def __init__(self, connection: Connection) -> None:
        self.arraysize = 1
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self._connection = connection
        self._rows: Rows = []

    async def __aenter__(self) -> Cursor:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> None:
        self._took(*await self._connection.execute_there(sql, parameters))

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> None:
        self._took(*await self._connection.execute_there(sql, parameters, many=True))

    async def fetchone(self) -> Any:
        return next(iter(self._take(1)), None)

    async def fetchmany(self, size: int | None = None) -> Rows:
        return self._take(self.arraysize if size is None else size)

    async def fetchall(self) -> Rows:
        return self._take(len(self._rows))

    async def __aiter__(self) -> AsyncIterator[Any]:
        for row in self._take(len(self._rows)):
            yield row

    async def close(self) -> None:
        self._rows = []

    def _took(self, cursor: sqlite3.Cursor, rows: Rows) -> None:
        self.description = cursor.description
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid
        self._rows = rows

    def _take(self, count: int) -> Rows:
        taken, self._rows = self._rows[:count], self._rows[count:]
        return taken
