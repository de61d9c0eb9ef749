"""The framework's own tables in a service's database, beside those of the service and apart from its migrations.

Their names begin with ``freestone_``. Each feature has a *part*: a name, and the steps that were ever needed to make
its tables, the oldest first. The table ``freestone_schema`` has how many of them a database has taken. A part is
brought up to date when it is first used, so that a database has only the tables that it needs.

A step, once released, stays as it is; a later one adds to it and takes nothing away, for an older version of the
framework may be using the same database meanwhile. So the table of a ``CreateTable`` that was released gets no more
columns: when it is to have one, the step becomes the statement that it was, and a later step adds the column.

Their statements are SQLAlchemy's, and run on every dialect. ``INSERT … ON CONFLICT`` is that of
``sqlalchemy.dialects.postgresql``, which SQLite's compiler knows too; the reverse does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast, final

from sqlalchemy import Column, Integer, MetaData, Table, Text, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import CreateTable, ExecutableDDLElement

from .store import Dialect

PREFIX = "freestone_"
"""How the names of the framework's tables begin."""

METADATA = MetaData()
"""The framework's tables. Their columns are of types that every dialect has."""

Step: TypeAlias = str | ExecutableDDLElement | Mapping[Dialect, str | ExecutableDDLElement]
"""A statement: of SQL that every dialect has, of SQLAlchemy (``CreateTable(TABLE)``), or one for each dialect that
needs it."""

SCHEMA = Table(
    f"{PREFIX}schema",
    METADATA,
    Column("part", Text, primary_key=True),
    Column("steps", Integer, nullable=False),
)
"""How many steps of each part the database has taken."""


_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('freestone ' || current_schema(), 0))"
"""Keeps others out until the transaction ends, in this schema of this database."""


@final
@dataclass(frozen=True, slots=True)
class Part:
    """The tables of one feature.

    >>> seen = Part("seen", ("CREATE TABLE freestone_seen (id TEXT PRIMARY KEY)",))
    """

    name: str
    steps: tuple[Step, ...]
    """What made them, in the order in which it came to be."""


async def take_steps(session: AsyncSession, part: Part) -> None:
    """Take the steps of a part that the database lacks, in a transaction that writes."""
    connection = await session.connection()
    dialect = cast("Dialect", connection.dialect.name)
    if dialect == "postgresql":  # where others may be doing the same
        await connection.exec_driver_sql(_LOCK)
    await connection.execute(CreateTable(SCHEMA, if_not_exists=True))
    found = await connection.scalar(select(SCHEMA.c.steps).where(SCHEMA.c.part == part.name))
    taken = found or 0
    for step in part.steps[taken:]:
        statement = step.get(dialect) if isinstance(step, Mapping) else step
        if isinstance(statement, str):
            await connection.exec_driver_sql(statement)
        elif statement is not None:
            await connection.execute(statement)
    if taken >= len(part.steps):
        return
    if found is None:
        await connection.execute(SCHEMA.insert().values(part=part.name, steps=len(part.steps)))
    else:
        await connection.execute(SCHEMA.update().where(SCHEMA.c.part == part.name).values(steps=len(part.steps)))
