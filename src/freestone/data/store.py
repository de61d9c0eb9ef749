"""The seam between a transaction and the engine that keeps a service's data: SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from .group_lane import GroupLane
from .lane import Lane
from .notices import Exchange

Dialect = Literal["sqlite", "postgresql"]
"""What an engine speaks, as SQLAlchemy names it."""


class Driver(Protocol):
    """The driver's own connection, as far as a transaction has to reach it."""

    @property
    def recovers(self) -> bool:
        """Whether a statement that fails is undone alone, so that the transaction can go on."""
        ...

    @property
    def in_transaction(self) -> bool:
        """Whether the transaction that was begun there is open."""
        ...

    @property
    def in_order(self) -> bool:
        """Whether it is known that the connection can be used for another transaction, after a commit has failed."""
        ...

    def rows_here(self, sql: str, values: Any, many: bool = False) -> Sequence[Any] | None:
        """Execute a statement without waiting for anything, and return its rows; None if it has to be waited for.

        With ``many`` it is executed for each of the values, and has no rows. Raises DBAPIError, as what follows does.
        """
        ...

    async def rows_there(self, sql: str, values: Any, many: bool = False) -> Sequence[Any]:
        """Execute a statement, and return its rows."""
        ...

    async def end(self, commit: bool) -> None:
        """Commit, or undo, a transaction of which SQLAlchemy's connection has not been told."""
        ...

    def hurry(self) -> None:
        """Make what the connection executes end now, with an error. Does nothing if it executes nothing."""
        ...

    async def settled(self) -> None:
        """Wait until what ``hurry()`` has done can't meet a later statement."""
        ...


class Store(Protocol):
    """Keeps the data of one service. Its lanes are there from ``start()`` on."""

    @property
    def name(self) -> str:
        """What messages call the database."""
        ...

    @property
    def place(self) -> str:
        """Where it is, for messages: a path, or a URL without its password."""
        ...

    @property
    def dialect(self) -> Dialect:
        """What it speaks."""
        ...

    @property
    def prepared(self) -> set[str]:
        """The names of the parts whose tables are known to be there, and up to date."""
        ...

    @property
    def writing(self) -> Lane | GroupLane:
        """For transactions that write."""
        ...

    @property
    def reading(self) -> Lane:
        """For those that can't, and see one moment."""
        ...

    @property
    def own(self) -> Lane | GroupLane:
        """For short ones of the framework's own, as the renewal of a lease: that of those that write, or another.

        In another one each statement sees what is committed then, and a row that somebody else has changed is waited
        for. So nobody loses a race in it, and who decides something by a row has to lock it.
        """
        ...

    @property
    def exchange(self) -> Exchange:
        """What carries notices between the processes that use it."""
        ...

    async def start(self) -> None:
        """Open it. Raises Unavailable when it can't be reached."""
        ...

    async def close(self) -> None:
        """Close the connections, once those that use one have ended."""
        ...

    def migrating(self) -> Lane:
        """Return a lane of its own for a migration, which the caller closes. Of several, one at a time is in."""
        ...

    async def begin(
        self, connection: AsyncConnection, until: float, is_over: Callable[[], bool], *, ends: bool = False
    ) -> None:
        """Begin a transaction, waiting for what it needs until that moment of the loop's time, or until ``is_over()``.

        ``ends`` is whether the transaction is over at that moment too. Raises Unavailable a little earlier, so that
        the caller learns of it rather than of its deadline.
        """
        ...

    def driver(self, connection: AsyncConnection) -> Driver:
        """Return the driver's connection below that of SQLAlchemy."""
        ...

    def refuses_writes(self, error: BaseException) -> bool:
        """Whether the error says that the transaction can only read."""
        ...

    def translate(self, error: Exception) -> Exception:
        """Return the error of Freestone's tree that says the same, or the error itself if there is none."""
        ...
