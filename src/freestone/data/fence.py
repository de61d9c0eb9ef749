"""Fencing: the data itself refuses who has lost a lease and does not know it yet."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from freestone.lease import StaleToken

from .framework_tables import prepare
from .lease import LEASES
from .transaction import Transaction

_HELD = text("SELECT token FROM freestone_lease WHERE name = :name")
_SEEN = text(
    """
    INSERT INTO freestone_fence (name, token) VALUES (:name, :token)
    ON CONFLICT (name) DO UPDATE SET token = max(token, excluded.token)
    RETURNING token
    """
)


async def fence(transaction: Transaction, name: str, token: int, *, own: bool) -> None:
    """Break the transaction with StaleToken if the lease of that name was given to somebody since that token.

    ``own`` is whether the lease is kept in this database, which then knows; otherwise the highest token counts that was
    shown here, this one included.
    """
    transaction.refuse_if_read_only("fence()")

    async def work(session: AsyncSession) -> int:
        await prepare(session, LEASES)
        statement, values = (_HELD, {"name": name}) if own else (_SEEN, {"name": name, "token": token})
        return int(await session.scalar(statement, values) or 0)

    highest = await transaction.run(work)
    if highest > token:
        stale = StaleToken(
            f"the token {token} of the lease {name} is stale: {highest} was given since, and nothing is written",
            lease=name,
        )
        transaction.fail(stale)
        raise stale
