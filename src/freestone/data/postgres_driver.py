"""asyncpg below SQLAlchemy: how a transaction is begun there, cut short and ended.

A statement runs in the server. To cut one short is to ask the server for it, over a connection of its own, and to wait
for the error that the statement then ends with. That request names the server's process and not the statement: one
that comes late would meet the next, so nothing is executed after it before it is known to have arrived. If the server
does not end the statement even so, the connection is closed.

BEGIN is sent with the limits of the transaction in one message. SQLAlchemy's dialect begins with the first statement;
this one begins when it is told to, so that a connection that was lost meanwhile is found before anything is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast, final

import asyncpg
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.util.concurrency import await_only

if TYPE_CHECKING:
    _Connection = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection

_GRACE: Final = 3.0
"""Seconds that the server has to take the request, and then to end the statement."""

FAILURES: Final = (
    OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
)  # fmt: skip
"""What asyncpg raises where something is wrong with the server, or the way to it. The last one is what a statement gets
that begins when the server has said that it ends, and the connection has not ended yet."""

DIALECT: Final = "postgresql+freestone"
"""The name in SQLAlchemy of the dialect below."""


@final
class Connection(_Connection):
    """A connection whose transactions begin with what ``opening`` says."""

    __slots__ = ("_asking", "_closing", "opening")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.opening = "BEGIN"
        """The statements that begin the next transaction."""
        self._asking: asyncio.Task[None] | None = None
        self._closing: asyncio.TimerHandle | None = None

    async def begin(self) -> bool:
        """Begin a transaction, of which SQLAlchemy need not be told. Returns False if the connection was lost."""
        try:
            await self.execute(self.opening)
        except FAILURES as error:
            if self.is_closed():
                return False
            raise DBAPIError("BEGIN", None, error) from error
        return True

    def transaction(self, **_: Any) -> Any:
        """Return what SQLAlchemy begins and ends a transaction with."""
        return _Transaction(self)

    def hurry(self) -> None:
        """Ask the server to end the statement. If it has not in some seconds, the connection is closed."""
        if self._asking is None and not self.is_closed():
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(2 * _GRACE, self.terminate)
            self._asking = loop.create_task(self._ask())

    async def settled(self) -> None:
        """Wait until the request has arrived, if there was one. The statement has ended."""
        asking, self._asking = self._asking, None
        closing, self._closing = self._closing, None
        if closing is not None:
            closing.cancel()
        if asking is not None:
            await asyncio.wait([asking])

    async def _ask(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        # As asyncpg does it when it is cancelled. It closes the connection if the request can't be sent.
        asking = asyncio.ensure_future(cast("Any", self)._cancel(waiter))
        _, late = await asyncio.wait([asking], timeout=_GRACE)
        if late:
            self.terminate()
            asking.cancel()


@final
class _Transaction:
    """A transaction of asyncpg's, as far as SQLAlchemy uses it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def start(self) -> None:
        """Begin, unless that was done before SQLAlchemy was told of it."""
        if self._connection.is_closed() or not self._connection.is_in_transaction():
            await self._connection.execute(self._connection.opening)

    async def commit(self) -> None:
        if await self._connection.execute("COMMIT") != "COMMIT":
            # After a failed statement PostgreSQL answers COMMIT with a rollback, and calls it a success.
            raise asyncpg.InFailedSQLTransactionError("it was rolled back, because of a statement that had failed")

    async def rollback(self) -> None:
        await self._connection.execute("ROLLBACK")


@final
class Dialect(PGDialect_asyncpg):
    """SQLAlchemy's, but that a transaction begins when it is begun, and not with its first statement."""

    supports_statement_cache = True

    def on_connect(self) -> Any:
        """Return what prepares a connection that was made just now. It raises DBAPIError if that is lost again."""
        prepare: Callable[[Any], None] = super().on_connect()  # type: ignore[no-untyped-call]

        def prepared(connection: Any) -> None:
            try:
                prepare(connection)
            except FAILURES as error:
                raise DBAPIError("the first words", None, error, connection_invalidated=True) from error

        return prepared

    def do_begin(self, dbapi_connection: Any) -> None:
        """Send BEGIN."""
        await_only(dbapi_connection.dbapi_connection._start_transaction())


registry.register(DIALECT.replace("+", "."), __name__, Dialect.__name__)


@final
class Reached:
    """What a transaction has to know of the driver's connection below that of SQLAlchemy, which may be replaced."""

    recovers = False

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open there, be it one that has failed."""
        driver = self._driver()
        return driver is not None and driver.is_in_transaction()

    @property
    def in_order(self) -> bool:
        """Whether the connection is open, and in no transaction."""
        driver = self._driver()
        return driver is not None and not driver.is_in_transaction()

    def rows_here(self, sql: str, values: Any, many: bool = False) -> None:
        """Return None: the server has to be waited for."""

    async def rows_there(self, sql: str, values: Any, many: bool = False) -> Sequence[Any]:
        """Execute a statement that was prepared, or is now. Of many, all go out at once."""
        driver = self._driver()
        try:
            if driver is None:
                raise asyncpg.ConnectionDoesNotExistError("the connection was lost")
            if many:
                await driver.executemany(sql, values)
                return ()
            return cast("Sequence[Any]", await driver.fetch(sql, *values))
        except FAILURES as error:
            lost = driver is None or driver.is_closed()
            raise DBAPIError(sql, None, error, connection_invalidated=lost) from error

    async def end(self, commit: bool) -> None:
        """Commit, or undo, what was begun. Raises DBAPIError."""
        driver, sync = self._driver(), self._connection.sync_connection
        if not commit and (sync is None or sync.closed or sync.invalidated):
            return  # it was given up before, and nothing of it is left
        if not commit and driver is not None and not driver.is_in_transaction():
            return
        try:
            if driver is None:
                raise asyncpg.ConnectionDoesNotExistError("the connection was lost")
            transaction = driver.transaction()
            await (transaction.commit() if commit else transaction.rollback())
        except FAILURES as error:
            lost = driver is None or driver.is_closed()
            raise DBAPIError("COMMIT" if commit else "ROLLBACK", None, error, connection_invalidated=lost) from error

    def hurry(self) -> None:
        """Make what the connection executes end now."""
        driver = self._driver()
        if driver is not None:
            driver.hurry()

    async def settled(self) -> None:
        """Wait until that can't meet a later statement."""
        driver = self._driver()
        if driver is not None:
            await driver.settled()

    def _driver(self) -> Connection | None:
        sync = self._connection.sync_connection
        if sync is None or sync.closed or sync.invalidated:
            return None
        driver = cast("Connection", sync.connection.driver_connection)
        return None if driver.is_closed() else driver
