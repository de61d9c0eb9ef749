"""Fencing: the data itself refuses who has lost a lease and does not know it yet."""

from __future__ import annotations

from sqlalchemy import bindparam, case, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from freestone.lease import StaleToken

from .lease import FENCE, LEASE, LEASES
from .postgres_lease import TENURES, TOKEN_OF
from .transaction import Transaction

_HELD = select(LEASE.c.token).where(LEASE.c.name == bindparam("name"))
"""Made once, as each event that is handled has one: to build a statement costs more than SQLite takes for it."""


async def fence(transaction: Transaction, name: str, token: int, *, own: bool) -> None:
    """Break the transaction with StaleToken if the lease of that name was given to somebody since that token.

    ``own`` is whether the lease is kept in this database, which then knows; otherwise the highest token counts that was
    shown here, this one included.
    """
    transaction.refuse_if_read_only("fence()")

    await transaction.prepare(TENURES if own and transaction.dialect == "postgresql" else LEASES)

    async def work(session: AsyncSession) -> int:
        if own:
            held = TOKEN_OF if transaction.dialect == "postgresql" else _HELD
            return await session.scalar(held, {"name": name}) or 0
        shown = insert(FENCE).values(name=name, token=token)
        higher = case((FENCE.c.token > shown.excluded.token, FENCE.c.token), else_=shown.excluded.token)
        seen = shown.on_conflict_do_update(index_elements=["name"], set_={"token": higher})
        highest: int = (await session.execute(seen.returning(FENCE.c.token))).scalar_one()
        return highest

    highest = await transaction.run(work)
    if highest > token:
        stale = StaleToken(
            f"the token {token} of the lease {name} is stale: {highest} was given since, and nothing is written",
            lease=name,
        )
        transaction.fail(stale)
        raise stale
