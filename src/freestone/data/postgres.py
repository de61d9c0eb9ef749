"""A database in PostgreSQL, and the connections to it: what is durable, how transactions exclude each other, and how
long one waits.

A transaction that writes is SERIALIZABLE, so that it means what it means on SQLite: as if it had been alone. It holds
nobody up for that; of two that could not both have been alone one is taken back, and runs again. One that reads is
REPEATABLE READ READ ONLY, which sees one moment and never loses. What the framework does for itself, as the renewal of
a lease, locks the row that it decides by, and is READ COMMITTED: it must not lose a race against a service.

Any connection of the pool does for each of them, for BEGIN says which it is to be. The lanes let no more in than there
are connections, so that nobody waits inside the pool. Commands may have three of four, and so may queries: the more of
them commit at the same time, the more of them share a write to the disk, and neither can keep the others out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, cast, final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from freestone.errors import Unavailable

from .lane import PATIENCE, Lane
from .postgres_driver import DIALECT, FAILURES, Connection, Reached
from .postgres_failure import is_read_only, translate
from .postgres_notices import PostgresExchange
from .postgres_roles import provision
from .postgres_url import PostgresUrl, quoted
from .store import Dialect

_log = logging.getLogger("freestone.data")

_OWN: Final = 2
"""Connections for what the framework does for itself."""
FEWEST: Final = _OWN + 2
"""Connections that a database must have at least: one that writes, and one that reads."""
_SLICE: Final = 0.05
"""Seconds between two looks whether there is still a reason to wait for a connection."""
_CONNECT: Final = 10.0
"""Seconds that a connection may take to be made."""
_AGAIN: Final = 0.1
"""Seconds between two looks whether a server is there by now."""
_LEAVE: Final = 1.0
"""Seconds after its deadline at which the server ends a transaction whose client does not."""
_OLDEST: Final = 14
"""The oldest major version that is known to do."""

_OPENING: Final = "freestone_opening"
_WRITE: Final = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_DECIDE: Final = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

_AWAY: Final = (
    ConnectionError,
    FileNotFoundError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
"""What a server is met with that is being started, or started again."""

_WHEN_IT_MATTERS: Final = ("fsync", "full_page_writes", "synchronous_commit")
"""The settings without which a commit is not what it says."""


@final
class Postgres:
    """One database, or one schema of it. ``connections`` are how many this process has at most."""

    dialect: Dialect = "postgresql"
    writing: Lane
    reading: Lane
    own: Lane

    def __init__(
        self,
        url: PostgresUrl,
        *,
        name: str,
        connections: int,
        waiting: int,
        steward: PostgresUrl | None = None,
        patience: float = 0.0,
    ) -> None:
        """``steward`` is who makes the role and the schema of the URL if they are missing; None if nobody does.
        ``patience`` is for how many seconds ``start()`` waits for a server that is not there.
        """
        self.url = url
        self._steward = steward
        self.name = name
        self.place = str(url)
        self.prepared: set[str] = set()
        self.exchange = PostgresExchange(name, self._dial_to_listen, self._notify)
        self._connections = max(connections, FEWEST)
        self._waiting = waiting
        self._patience = patience

    async def start(self) -> None:
        """See whether it is there. Raises Unavailable if it is not in time, or is too old."""
        self.prepared.clear()
        engine = self._engine(self._connections)
        others = self._connections - _OWN
        shared, most = asyncio.Semaphore(others), others - max(1, others // 4)
        self.writing = self._lane(engine, _WRITE, most, shared)
        self.reading = self._lane(engine, _READ, most, shared)
        self.own = self._lane(engine, _DECIDE, _OWN)
        try:
            try:
                await self._meet()
            except Unavailable as error:
                if not _is_stranger(error) or not self.url.schema:
                    raise
                await self._settle(error)
                await self._meet()
        except BaseException:
            await engine.dispose()
            raise

    async def close(self) -> None:
        """Close the connections, once those that use one have ended."""
        try:
            await self.reading.drain()
            await self.writing.drain()
            await self.own.drain()
        finally:
            await self.own.engine.dispose()  # it is that of all three

    def migrating(self) -> Lane:
        """Return a lane of its own for a migration, which the caller closes."""
        return self._lane(self._engine(1), _DECIDE, 1)

    async def begin(
        self, connection: AsyncConnection, until: float, is_over: Callable[[], bool], *, ends: bool = False
    ) -> None:
        """Begin a transaction that waits for locks until that moment of the loop's time, and with ``ends`` ends then.

        A connection that was lost since it was last used is replaced here, where nothing is done yet.
        """
        for again in (True, False):
            driver = await _driver(connection)
            driver.opening = self._opening(connection, until, ends)
            if await driver.begin():
                return
            try:
                await connection.begin()
            except DBAPIError as error:
                if not again or not error.connection_invalidated or is_over():
                    raise
            else:
                return

    def driver(self, connection: AsyncConnection) -> Reached:
        """Return the driver's connection below that of SQLAlchemy."""
        return Reached(connection)

    def refuses_writes(self, error: BaseException) -> bool:
        """Whether the error says that the transaction, or the server, does not take writes."""
        return is_read_only(error)

    def translate(self, error: Exception) -> Exception:
        """Return what the table of ``postgres_failure`` says of the error."""
        return translate(error, self.name)

    def _opening(self, connection: AsyncConnection, until: float, ends: bool) -> str:
        """Return what begins the transaction, and has the server end what its client does not end in time."""
        assert connection.sync_connection is not None
        statements = [str(connection.sync_connection.get_execution_options()[_OPENING])]
        left = until - asyncio.get_running_loop().time()
        statements.append(f"SET LOCAL lock_timeout = {_milliseconds(left - 2 * _SLICE)}")
        if ends:
            longest = _milliseconds(left + _LEAVE)
            statements.append(f"SET LOCAL statement_timeout = {longest}")
            statements.append(f"SET LOCAL idle_in_transaction_session_timeout = {longest}")
        return "; ".join(statements)

    def _lane(self, engine: AsyncEngine, opening: str, slots: int, shared: asyncio.Semaphore | None = None) -> Lane:
        told = engine.execution_options(**{_OPENING: opening})
        return Lane(told, slots=slots, waiting=self._waiting, database=self.name, shared=shared)

    def _engine(self, connections: int) -> AsyncEngine:
        return create_async_engine(
            f"{DIALECT}://",
            async_creator=self._connect,
            pool_size=connections,
            max_overflow=0,
            pool_use_lifo=True,  # what is not needed stays idle
            pool_reset_on_return=None,  # a transaction ends what it began, and gives back nothing else
        )

    async def _connect(self) -> Connection:
        """Make a connection, unless whoever waits for it has no more reason to."""
        connecting = asyncio.ensure_future(self._dial())
        try:
            await self._wait_for(connecting)
            return connecting.result()
        except BaseException as error:
            connecting.cancel()
            await asyncio.wait([connecting])
            if not connecting.cancelled() and connecting.exception() is None:
                connecting.result().terminate()
            if not isinstance(error, FAILURES):
                raise
            raise self._unreachable(error) from error

    async def _wait_for(self, connecting: asyncio.Future[Connection]) -> None:
        patience = PATIENCE.get()
        loop = asyncio.get_running_loop()
        while not connecting.done():
            await asyncio.wait([connecting], timeout=_SLICE)
            if connecting.done() or patience is None:
                continue
            if patience.is_over() or loop.time() >= patience.until - 2 * _SLICE:
                raise Unavailable(f"the database {self.name} ({self.place}) did not answer in time")

    async def _dial_to_listen(self) -> Connection:
        try:
            return await self._dial(", listening")
        except FAILURES as error:
            raise self._unreachable(error) from error

    async def _notify(self, channel: str, payload: str) -> None:
        """Tell something over a connection of the pool."""
        await self.own.enter("a notice")
        try:
            connection = await self.own.connect()
            try:
                await self.begin(connection, asyncio.get_running_loop().time() + _CONNECT, lambda: False)
                await connection.exec_driver_sql("SELECT pg_notify($1, $2)", (channel, payload))
                await connection.commit()
            finally:
                await connection.close()
        except DBAPIError as error:
            raise translate(error, self.name) from error
        finally:
            self.own.leave()

    def _unreachable(self, error: BaseException) -> Unavailable:
        reason = str(error) or type(error).__name__
        return Unavailable(f"the database {self.name} ({self.place}) can't be reached: {reason}")

    async def _dial(self, use: str = "") -> Connection:
        settings = {"application_name": f"freestone {self.name}{use}"}
        if self.url.schema:
            settings["search_path"] = quoted(self.url.schema)
        connection = await asyncpg.connect(
            self.url.reveal(), connection_class=Connection, timeout=_CONNECT, server_settings=settings
        )
        try:
            # A statement whose client is gone ends, where the server's system can tell.
            await connection.execute("SET client_connection_check_interval = '2s'")
        except asyncpg.PostgresError:
            _log.debug("the server of %s does not look whether a client is still there", self.name)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _settle(self, error: Unavailable) -> None:
        """Have the role and the schema made, if somebody may."""
        if self._steward is None:
            raise Unavailable(
                f"the database {self.name} has no role {self.url.user} with the schema {self.url.schema} at "
                f"{self.place}, or another password: make them with `freestone db provision`"
            ) from error
        for sentence in await provision(self._steward, self.url.schema):
            _log.info("database %s: %s", self.name, sentence)

    async def _meet(self) -> None:
        """Greet the server once it is there. Raises what ``_greet`` does."""
        loop = asyncio.get_running_loop()
        until, waits = loop.time() + self._patience, False
        while True:
            try:
                return await self._greet()
            except Unavailable as error:
                if not _is_away(error) or loop.time() >= until:
                    raise
                if not waits:
                    _log.warning("%s; it is waited for, %g s at most", error, self._patience)
                    waits = True
            await asyncio.sleep(_AGAIN)

    async def _greet(self) -> None:
        """Make the first connection, and look at what the server says of itself.

        Raises Unavailable, for whose cause ``_is_stranger`` can be asked.
        """
        await self.own.enter("the start")
        try:
            connection = await self.own.connect()
            try:
                driver = await _driver(connection)
                version = driver.get_server_version()
                if version.major < _OLDEST:
                    raise Unavailable(
                        f"the database {self.name} ({self.place}) is PostgreSQL {version.major}; it must be "
                        f"{_OLDEST} or later"
                    )
                if self.url.schema and await driver.fetchval("SELECT current_schema()") != self.url.schema:
                    raise Unavailable(f"there is no schema {self.url.schema} at {self.place}") from LookupError()
                asked = ", ".join(f"current_setting('{name}')" for name in _WHEN_IT_MATTERS)
                row = await driver.fetchrow(f"SELECT {asked}")
                off = [name for name, value in zip(_WHEN_IT_MATTERS, row or (), strict=True) if value == "off"]
                if off:
                    _log.warning(
                        "the server of the database %s has %s off: what was committed may be lost when it fails",
                        self.name,
                        " and ".join(off),
                    )
            finally:
                await connection.close()
        except (DBAPIError, *FAILURES) as error:  # as when the server ends while it is greeted
            raise self._unreachable(error.orig if isinstance(error, DBAPIError) and error.orig else error) from error
        finally:
            self.own.leave()


async def _driver(connection: AsyncConnection) -> Connection:
    """Return the driver's connection, a new one if it was lost."""
    sync = connection.sync_connection
    if sync is not None and not sync.closed and not sync.invalidated:
        return cast("Connection", sync.connection.driver_connection)
    raw = await connection.get_raw_connection()
    return cast("Connection", raw.driver_connection)


def _is_stranger(error: Unavailable) -> bool:
    """Whether the server is there, and does not know who asks, or has no schema for it."""
    known = (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError, LookupError)
    return isinstance(error.__cause__, known)


def _is_away(error: Unavailable) -> bool:
    """Whether the server may be there in a moment. One who is refused, or does not know the host, waits in vain."""
    cause = error.__cause__
    if isinstance(cause, DBAPIError):
        return cause.connection_invalidated
    return isinstance(cause, _AWAY) or type(cause) is OSError  # which it is if a host has several addresses


def _milliseconds(seconds: float) -> int:
    """Return how the server takes a time that is not zero, which would be none."""
    return max(1, min(round(seconds * 1000), 2**31 - 1))
