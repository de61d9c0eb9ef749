"""The framework's own tables in a service's database, beside those of the service and apart from its migrations.

Their names begin with ``freestone_``. Each feature has a *part*: a name, and the steps that were ever needed to make
its tables, the oldest first. The table ``freestone_schema`` has how many of them a database has taken. A part is
brought up to date when it is first used, in the transaction that uses it, so that a database has only the tables that
it needs.

A step, once released, stays as it is; a later one adds to it and takes nothing away, for an older version of the
framework may be using the same file meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

PREFIX = "freestone_"
"""How the names of the framework's tables begin."""


@final
@dataclass(frozen=True, slots=True)
class Part:
    """The tables of one feature."""

    name: str
    steps: tuple[str, ...]
    """Statements of SQL, in the order in which they came to be."""


async def prepare(session: AsyncSession, part: Part) -> None:
    """Take the steps of a part that the database lacks, in a transaction that writes."""
    await session.execute(
        text(f"CREATE TABLE IF NOT EXISTS {PREFIX}schema (part TEXT PRIMARY KEY, steps INTEGER NOT NULL)")
    )
    found = await session.scalar(text(f"SELECT steps FROM {PREFIX}schema WHERE part = :part"), {"part": part.name})
    taken = int(found or 0)
    for step in part.steps[taken:]:
        await session.execute(text(step))
    if taken < len(part.steps):
        await session.execute(
            text(f"INSERT OR REPLACE INTO {PREFIX}schema (part, steps) VALUES (:part, :steps)"),
            {"part": part.name, "steps": len(part.steps)},
        )
