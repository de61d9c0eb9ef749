"""Whether a database has all of its migrations, told without Alembic.

Almost every start finds one that has. To see that takes a look at the lines in which a script says what it is, and two
statements. Alembic imports the scripts, and itself costs as much again as half a service; it is for when there is
something to do. What is not plain to see is left to it, and so is every mistake.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from freestone.errors import FreestoneError

from .transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from .database import Database

_TABLE = "alembic_version"
_APPLIED = text(f"SELECT version_num FROM {_TABLE}")
_PATIENCE = 60.0
"""Seconds for which a database may be busy."""


async def is_current(database: Database, folder: Path) -> bool:
    """Whether the database has exactly the migrations of the folder. False also means that it can't be told."""
    heads = heads_of(folder)
    return heads is not None and await _applied(database) == heads


def heads_of(folder: Path) -> frozenset[str] | None:
    """Return the last revision of a folder of migrations, or nothing without any. None if it takes Alembic to say."""
    revisions, before = set[str](), set[str]()
    try:
        for file in folder.glob("*.py"):
            if file.name == "__init__.py":
                continue
            said = _said(file)
            revision, down = said["revision"], said["down_revision"]
            if not isinstance(revision, str) or revision in revisions or said.keys() != {"revision", "down_revision"}:
                return None
            revisions.add(revision)
            if isinstance(down, str):
                before.add(down)
            elif down is not None:
                return None
    except (OSError, SyntaxError, ValueError, LookupError):
        return None
    heads = frozenset(revisions - before)
    return heads if before <= revisions and len(heads) == bool(revisions) else None


def _said(file: Path) -> dict[str, object]:
    """Return what a script says that it is. Raises ValueError where that is no plain value."""
    return {
        name: ast.literal_eval(value)
        for name, value in _assignments(ast.parse(file.read_bytes(), str(file)))
        if name in ("revision", "down_revision") or (name in ("branch_labels", "depends_on") and not _is_none(value))
    }


def _assignments(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value):
                yield name, value
            case _:
                pass


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


async def _applied(database: Database) -> frozenset[str] | None:
    """Return the revisions that the database has; None if it can't be asked."""
    until = asyncio.get_running_loop().time() + _PATIENCE
    transaction = Transaction(database.store, "versions", read_only=True, until=until)
    try:
        return await transaction.run(lambda session: session.run_sync(_look))
    except (SQLAlchemyError, FreestoneError):
        return None
    finally:
        await transaction.rollback()


def _look(session: Session) -> frozenset[str]:
    if not inspect(session.connection()).has_table(_TABLE):
        return frozenset()
    return frozenset(session.execute(_APPLIED).scalars())
