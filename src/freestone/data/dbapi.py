"""What SQLAlchemy calls: the DBAPI of its dialect ``sqlite+aiosqlite``, with a statement that needs no thread run here.

SQLAlchemy's own adapter awaits each step, which is two switches between greenlets even if nothing is to be waited for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Final, NoReturn, cast, final

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.util import await_only

from .driver import Connection, Rows


class _Nothing:
    """Is done when it is awaited: SQLAlchemy takes it for a mistake if a statement waits for nothing at all."""

    def __await__(self) -> Iterator[None]:
        return iter(())


_NOTHING: Final = cast("Any", _Nothing())


@final
class Dbapi(AsyncAdapt_aiosqlite_dbapi):
    """The module. ``create_async_engine(module=Dbapi())`` takes it."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arguments: Any, **named: Any) -> Adapted:
        """Return a connection; ``async_creator_fn`` makes the one below."""
        connection: Connection = named.pop("async_creator_fn")()
        return Adapted(self, cast("Any", await_only(connection.open())))


@final
class Adapted(AsyncAdapt_aiosqlite_connection):
    """A connection. Its commit and rollback are those of a member where the one below is grouped."""

    __slots__ = ()

    def cursor(self, server_side: bool = False) -> Any:
        """Return a cursor; one of the server's, for rows that are streamed, is SQLAlchemy's own."""
        if server_side:
            return super().cursor(server_side=True)
        return Cursor(self, self._driver)

    def commit(self) -> None:
        try:
            if self._driver.is_open:
                await_only(self._driver.commit())
        except Exception as error:
            self._handle_exception(error)

    def rollback(self) -> None:
        try:
            if self._driver.is_open:
                await_only(self._driver.rollback())
        except Exception as error:
            self._handle_exception(error)

    def failed(self, error: Exception) -> NoReturn:
        """Raise the error as SQLAlchemy expects it."""
        self._handle_exception(error)

    @property
    def _driver(self) -> Connection:
        return cast("Connection", self._connection)


@final
class Cursor:
    """A cursor that has all rows of its statement from the moment it was executed."""

    __slots__ = ("_adapted", "_driver", "_rows", "_taken", "arraysize", "description", "lastrowid", "rowcount")

    def __init__(self, adapted: Adapted, driver: Connection) -> None:
        self.arraysize = 1
        self.description: Any = None
        self.lastrowid: int | None = None
        self.rowcount = -1
        self._adapted = adapted
        self._driver = driver
        self._rows: Rows = []
        self._taken = 0

    def execute(self, sql: str, parameters: Any = ()) -> None:
        """Execute a statement."""
        driver = self._driver
        try:
            done = driver.execute_here(sql, parameters)
            if done is None:
                done = await_only(driver.execute_there(sql, parameters))
            else:
                await_only(_NOTHING)
        except Exception as error:
            self._adapted.failed(error)
        self._took(*done)

    def executemany(self, sql: str, parameters: Any) -> None:
        """Execute a statement for each of the parameters."""
        try:
            done = self._driver.execute_here(sql, parameters, many=True)
            if done is None:
                done = await_only(self._driver.execute_there(sql, parameters, many=True))
            else:
                await_only(_NOTHING)
        except Exception as error:
            self._adapted.failed(error)
        self._took(*done)

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        if self._taken >= len(self._rows):
            return None
        self._taken += 1
        return self._rows[self._taken - 1]

    def fetchmany(self, size: int | None = None) -> Rows:
        """Return the next rows."""
        end = self._taken + (self.arraysize if size is None else size)
        rows = self._rows[self._taken : end]
        self._taken += len(rows)
        return rows

    def fetchall(self) -> Rows:
        """Return the rows that are left."""
        rows = self._rows[self._taken :] if self._taken else self._rows
        self._rows, self._taken = [], 0
        return rows

    def close(self) -> None:
        """Drop the rows."""
        self._rows, self._taken = [], 0

    async def _async_soft_close(self) -> None:
        """Have nothing to close: what SQLAlchemy asks for when it has all rows in memory."""

    def _took(self, cursor: sqlite3.Cursor, rows: Rows) -> None:
        self.description = cursor.description
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid
        self._rows, self._taken = rows, 0
