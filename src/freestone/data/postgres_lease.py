"""Leases in PostgreSQL, by the time of the server, which all that use it share.

A lease is a row. Whoever takes it asks the server to change the row if its time is over, in one statement, which waits
for another that is just doing the same: one of them gets it. No clock of a node is read.

The token has a row of its own, which changes only when the lease is given to somebody. A fence locks that row against
change until its transaction ends. So a lease is not given to another as long as a transaction runs which the fence let
through, and no renewal has to wait for one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, final

from sqlalchemy import (
    Column,
    ColumnElement,
    Double,
    Integer,
    Table,
    Text,
    Update,
    bindparam,
    extract,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import CreateTable

from freestone.errors import Unavailable
from freestone.lease import Held

from .framework_tables import METADATA, Part
from .lease import patience
from .store import Store
from .transaction import Transaction

_T = TypeVar("_T")

TENURE = Table(
    "freestone_tenure",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("token", Integer, nullable=False),
    Column("holder", Text),
    Column("expiry", Double, nullable=False),
)
"""Who holds which lease until when, in seconds since 1970 by the server's clock. A free one has no holder."""

TOKEN = Table(
    "freestone_token",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("token", Integer, nullable=False),
)
"""The token that was given last for each name."""

TOKEN_OF = select(TOKEN.c.token).where(TOKEN.c.name == bindparam("name")).with_for_update(read=True)
"""The query for the token of a name, which stays so until the transaction of the query ends."""

TENURES = Part("tenure", ({"postgresql": CreateTable(TENURE)}, {"postgresql": CreateTable(TOKEN)}))

_NOW: ColumnElement[float] = extract("epoch", func.clock_timestamp()).cast(Double)
"""The server's time when the row is looked at, and not when the transaction began, which may have waited for it."""


@final
class PostgresLeases:
    """The ``LeaseStore`` of a database in PostgreSQL. Each request is a transaction of its own."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store

    async def acquire(self, name: str, holder: str, seconds: float) -> int | Held:
        async def work(session: AsyncSession) -> int | Held:
            given = {"holder": holder, "expiry": _NOW + seconds}
            taken = insert(TENURE).values(name=name, token=1, **given)
            taken = taken.on_conflict_do_update(
                index_elements=["name"],
                set_={"token": TENURE.c.token + 1, **given},
                where=or_(TENURE.c.holder.is_(None), TENURE.c.expiry <= _NOW),
            )
            token: int | None = (await session.execute(taken.returning(TENURE.c.token))).scalar_one_or_none()
            if token is None:
                by: str | None = await session.scalar(select(TENURE.c.holder).where(TENURE.c.name == name))
                return Held(by or "")
            shown = insert(TOKEN).values(name=name, token=token)
            await session.execute(shown.on_conflict_do_update(index_elements=["name"], set_={"token": token}))
            return token

        return await self._transaction(f"the lease {name}", seconds, work)

    async def renew(self, name: str, token: int, seconds: float) -> bool:
        async def work(session: AsyncSession) -> bool:
            renewed = _theirs(name, token).where(TENURE.c.holder.is_not(None)).values(expiry=_NOW + seconds)
            return (await session.execute(renewed.returning(TENURE.c.token))).first() is not None

        return await self._transaction(f"the lease {name}", seconds, work)

    async def release(self, name: str, token: int) -> None:
        async def work(session: AsyncSession) -> None:
            await session.execute(_theirs(name, token).values(holder=None))

        await self._transaction(f"the lease {name}", 10.0, work)

    async def _transaction(self, owner: str, seconds: float, work: Callable[[AsyncSession], Awaitable[_T]]) -> _T:
        until = asyncio.get_running_loop().time() + patience(seconds)
        transaction = Transaction(self._store(), owner, read_only=False, until=until, ends=True, own=True)
        try:
            async with asyncio.timeout_at(until):
                await transaction.prepare(TENURES)
                result = await transaction.run(work)
            await transaction.commit()
            return result
        except TimeoutError as error:
            raise Unavailable(f"{owner} could not be asked for in time") from error
        finally:
            await transaction.rollback()


def _theirs(name: str, token: int) -> Update:
    """Return an update of the lease, if it still has that token."""
    return update(TENURE).where(TENURE.c.name == name, TENURE.c.token == token)
