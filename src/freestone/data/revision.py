"""Writes the next migration of a service into its folder."""

from __future__ import annotations

import contextlib
import re
import tempfile
import textwrap
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, MetaData, TypeDecorator

from freestone.errors import Misconfigured

from .migrations import drift, in_transaction, theirs
from .versions import Version, known_versions, versions

if TYPE_CHECKING:
    from .database import Database

_BEGINS = ("op.", "batch_op.", "with ", ")", "#", "pass")
"""How a line begins that is not in the brackets of another."""
_TEMPLATE = '''"""{title}."""

import sqlalchemy as sa
from alembic import op
{imports}
revision = "{revision}"
down_revision = {after}


def upgrade() -> None:
{up}


def downgrade() -> None:
{down}
'''


class NothingDiffers(Misconfigured):
    """The tables of the code are what the migrations make already."""


async def write_revision(
    folder: Path, title: str, metadata: MetaData | None = None, database: Database | None = None
) -> Path:
    """Write a migration that follows the last one of the folder, and return its file.

    With ``metadata`` it has the steps from what the migrations make to these tables, as far as they can be told; look
    at it before it is used: a column that was renamed looks like one that is gone and another that is new. The
    migrations are tried on ``database``, which must have all of them, or without it on an empty one of SQLite. Raises
    NothingDiffers if there are no steps, MigrationError if the migrations can't be used.
    """
    known = known_versions(folder)
    up, down = "    pass", "    pass"
    if metadata is not None:
        up, down = await _steps(folder, metadata, database)
    revision, name = _next(known, title)
    last = f'"{known[-1].revision}"' if known else "None"
    dialects = [name for name in ("postgresql", "sqlite") if f"{name}." in up + down]
    text = _TEMPLATE.format(
        title=title.strip().rstrip(".").replace('"""', "'''"),
        imports="".join(f"from sqlalchemy.dialects import {name}\n" for name in dialects),
        revision=revision,
        after=last,
        up=up,
        down=down,
    )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    with file.open("x", encoding="utf-8") as opened:
        opened.write(text)
    return file


async def _steps(folder: Path, metadata: MetaData, database: Database | None) -> tuple[str, str]:
    if database is not None:
        lacking = [version.file for version in await versions(database, folder) if not version.applied]
        if lacking:
            raise Misconfigured(
                f"the database {database.name} lacks {', '.join(lacking)}, so it can't be told what differs: run "
                f"`freestone db upgrade {database.name}` first"
            )
        return await in_transaction(database, lambda connection: _rendered(connection, metadata, folder))
    async with _tried(folder) as tried:
        return await in_transaction(tried, lambda connection: _rendered(connection, metadata, folder))


async def drift_of(folder: Path, metadata: MetaData) -> list[str]:
    """Return how the tables that the migrations of a folder make, on SQLite, differ from those of the metadata."""
    async with _tried(folder) as tried:
        return await drift(tried, metadata)


@contextlib.asynccontextmanager
async def _tried(folder: Path) -> AsyncGenerator[Database]:
    """Give a database for a block in which there is what the migrations make."""
    from .database import Database

    with tempfile.TemporaryDirectory(prefix="freestone-") as place:
        empty = Database.open(Path(place, f"{folder.parent.name or 'empty'}.db"), folder)
        await empty.start()
        try:
            yield empty
        finally:
            await empty.close()


def _rendered(connection: Connection, metadata: MetaData, folder: Path) -> tuple[str, str]:
    """Return the steps up and down, as the bodies of two functions."""
    from alembic.autogenerate import produce_migrations, render_python_code
    from alembic.runtime.migration import MigrationContext

    batch = connection.dialect.name == "sqlite"
    options = {
        "compare_type": True,
        "include_name": theirs(connection),
        "render_as_batch": batch,
        "target_metadata": metadata,
    }
    context = MigrationContext.configure(connection, opts=options)
    made = produce_migrations(context, metadata)
    if made.upgrade_ops is None or made.downgrade_ops is None or made.upgrade_ops.is_empty():
        raise NothingDiffers(f"the migrations in {folder} make what the code expects; there is nothing to write")
    up, down = (
        render_python_code(each, render_as_batch=batch, render_item=_without_own_types, migration_context=context)
        for each in (made.upgrade_ops, made.downgrade_ops)
    )
    return _body(up), _body(down)


def _without_own_types(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Say what an application's own type is in the database; a migration must outlive the code that it is for."""
    if kind == "type" and isinstance(item, TypeDecorator):
        inner: Any = item.impl_instance  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        module = type(inner).__module__
        prefix = f"{module.split('.')[2]}." if module.startswith("sqlalchemy.dialects.") else "sa."
        return f"{prefix}{inner!r}"
    return False


def _body(code: str) -> str:
    lines = [line for line in code.splitlines() if "commands auto generated by Alembic" not in line]
    lines = [line for line in lines if "end Alembic commands" not in line]
    code = textwrap.dedent("\n".join(lines)).strip("\n")
    # Alembic leaves what is in brackets for a formatter to move.
    moved = textwrap.indent(code, "    ", _is_in_brackets)
    return textwrap.indent(moved, "    ") or "    pass"


def _is_in_brackets(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(_BEGINS)


def _next(known: Sequence[Version], title: str) -> tuple[str, str]:
    """Return the next revision, numbered as the others are, and the name of its file."""
    numbers = [int(match[0]) for version in known if (match := re.match(r"\d+", version.revision))]
    number = f"{max(numbers, default=0) + 1:04}"
    slug = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:40].strip("_")
    if not slug:
        raise Misconfigured(f'"{title}" has no word for the name of a file; say in a few words what changes')
    named = any("_" in version.revision for version in known)
    return (f"{number}_{slug}" if named else number), f"{number}_{slug}.py"
