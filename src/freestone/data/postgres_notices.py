"""Notices in PostgreSQL: LISTEN and NOTIFY, in a channel for each schema.

The server knows no rights on channels: each of its roles in the database may listen to them, and write to them. So a
notice has no more in it than its topic, and whoever makes one up has somebody look in vain.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, Final, final

from freestone.errors import Unavailable

from .notices import Line

if TYPE_CHECKING:
    import asyncpg

    _Connection = asyncpg.Connection[asyncpg.Record]

_LONGEST: Final = 63
"""Bytes that a name has at most in PostgreSQL."""
_TELL: Final = "SELECT pg_notify($1, it) FROM unnest($2::text[]) AS it"
_PROOF: Final = "proof "
_ECHO: Final = 5.0
"""Seconds in which a notice has to come through."""


@final
class PostgresExchange:
    """Makes lines: ``dial`` makes a connection, and ``tell`` a notice over any other one than that."""

    carries = True

    def __init__(
        self, name: str, dial: Callable[[], Awaitable[_Connection]], tell: Callable[[str, str], Awaitable[None]]
    ) -> None:
        self._name = name
        self._dial = dial
        self._tell = tell

    async def connect(self, heard: Callable[[str], None], lost: Callable[[], None]) -> Line:
        """Return a line. Raises Unavailable if nothing that another connection tells is heard on it."""
        connection = await self._dial()
        try:
            line = _PostgresLine(connection, channel_of(await connection.fetchval("SELECT current_schema()")), heard)
            await line.listen(lost)
            await self._prove(line)
        except BaseException:
            connection.terminate()
            raise
        return line

    async def _prove(self, line: _PostgresLine) -> None:
        proof = f"{_PROOF}{line.process}"  # the server has no other connection of that number
        heard = line.expect(proof)
        await self._tell(line.channel, proof)
        try:
            async with asyncio.timeout(_ECHO):
                await heard.wait()
        except TimeoutError:
            raise Unavailable(
                f"the database {self._name} answers, and what is told on another connection is not heard: what stands "
                "between, as PgBouncer with pool_mode = transaction, passes no notices on"
            ) from None


@final
class _PostgresLine:
    """A connection that listens, and tells."""

    def __init__(self, connection: _Connection, channel: str, heard: Callable[[str], None]) -> None:
        self.channel = channel
        self._connection = connection
        self._heard = heard
        self.process = connection.get_server_pid()
        self._expected: dict[str, asyncio.Event] = {}

    async def listen(self, lost: Callable[[], None]) -> None:
        """Begin to hear."""
        self._connection.add_termination_listener(lambda _: lost())
        await self._connection.add_listener(self.channel, self._take)

    def expect(self, payload: str) -> asyncio.Event:
        """Return what is set when that payload comes."""
        event = self._expected[payload] = asyncio.Event()
        return event

    async def tell(self, topics: Collection[str]) -> None:
        """Pass notices on, those of one topic once."""
        if topics:
            await self._connection.execute(_TELL, self.channel, sorted(topics))
        else:
            await self._connection.execute("SELECT 1")

    async def close(self) -> None:
        """End the connection at once: nothing of it is open."""
        self._connection.terminate()

    def _take(self, _: Any, process: int, channel: str, payload: Any) -> None:
        if payload in self._expected:
            self._expected.pop(payload).set()
        elif process != self.process and not payload.startswith(_PROOF):  # what was told here was heard here
            self._heard(payload)


def channel_of(schema: str | None) -> str:
    """Return the name of the channel of a schema.

    >>> channel_of("progress")
    'freestone progress'
    """
    name = f"freestone {schema or ''}"
    return name if len(name.encode()) <= _LONGEST else f"freestone {hashlib.sha256(name.encode()).hexdigest()[:32]}"
