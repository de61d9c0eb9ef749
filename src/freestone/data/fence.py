"""Fencing: the data itself refuses who has lost a lease and does not know it yet."""

from __future__ import annotations

from sqlalchemy import bindparam, case, select
from sqlalchemy.dialects.postgresql import insert

from freestone.lease import StaleToken

from .lease import FENCE, LEASE, LEASES
from .postgres_lease import TENURES, TOKEN_OF
from .prepared import Prepared
from .transaction import Transaction

_HELD = Prepared({"sqlite": select(LEASE.c.token).where(LEASE.c.name == bindparam("name")), "postgresql": TOKEN_OF})
_GIVEN = insert(FENCE).values(name=bindparam("name"), token=bindparam("token"))
_HIGHER = case((FENCE.c.token > _GIVEN.excluded.token, FENCE.c.token), else_=_GIVEN.excluded.token)
_SHOWN = Prepared(
    _GIVEN.on_conflict_do_update(index_elements=["name"], set_={"token": _HIGHER}).returning(FENCE.c.token)
)


async def fence(transaction: Transaction, name: str, token: int, *, own: bool) -> None:
    """Break the transaction with StaleToken if the lease of that name was given to somebody since that token.

    ``own`` is whether the lease is kept in this database, which then knows; otherwise the highest token counts that was
    shown here, this one included.
    """
    transaction.refuse_if_read_only("fence()")

    await transaction.prepare(TENURES if own and transaction.dialect == "postgresql" else LEASES)
    if own:
        found = await transaction.fetch(_HELD, {"name": name})
    else:
        found = await transaction.fetch(_SHOWN, {"name": name, "token": token})
    highest = found[0][0] if found else 0
    if highest > token:
        stale = StaleToken(
            f"the token {token} of the lease {name} is stale: {highest} was given since, and nothing is written",
            lease=name,
        )
        transaction.fail(stale)
        raise stale
