"""How far a service's database is migrated, and how a person moves it: what ``freestone db`` does.

A move is one transaction, as the migration at a start is. It looks at the tables before and after its steps; where rows
would be gone it takes everything back, and says which, until it is told that they may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import msgspec
from sqlalchemy import Connection, column, func, inspect, select, table

from freestone.errors import FreestoneError

from .migrations import MigrationError, in_transaction, load, lock, move, refuse_unknown, theirs
from .transaction import Transaction

if TYPE_CHECKING:
    from alembic.script import Script, ScriptDirectory

    from .database import Database

_PATIENCE = 60.0


@final
class Version(msgspec.Struct, frozen=True):
    """One migration of a service."""

    revision: str
    file: str
    """The name of its file, or the path if it is elsewhere."""
    title: str
    """The first line of its docstring."""
    applied: bool = False
    """Whether the database has it."""
    current: bool = False
    """Whether it is the last that the database has."""


@final
class Loss(msgspec.Struct, frozen=True):
    """Something with data in it that a move takes away."""

    what: str
    """As ``the table book`` or ``the column book.copies``."""
    rows: int

    def __str__(self) -> str:
        return f"{self.what}, with {self.rows} row{'' if self.rows == 1 else 's'}"


@final
class NoSuchRevision(FreestoneError):
    """A move has no target: there is no such revision, or it lies the other way."""


@final
class WouldLose(FreestoneError):
    """A move would take data away. The database is as it was."""

    def __init__(self, losses: Sequence[Loss]) -> None:
        self.losses = tuple(losses)
        super().__init__(f"it takes away {'; '.join(map(str, losses))}")


async def versions(database: Database, folder: Path) -> list[Version]:
    """Return the migrations of the folder, the oldest first, and which of them the database has.

    Raises MigrationError if they can't be used, or the database has some that are not there.
    """
    scripts = load(folder)
    until = asyncio.get_running_loop().time() + _PATIENCE
    transaction = Transaction(database.store, "versions", read_only=True, until=until)
    try:
        applied = await transaction.run(lambda session: session.run_sync(lambda it: _heads(it.connection())))
    finally:
        await transaction.rollback()
    refuse_unknown(applied, scripts, folder, database)
    return _versions(scripts, applied)


def known_versions(folder: Path) -> list[Version]:
    """Return the migrations of the folder, the oldest first, whatever any database has."""
    return _versions(load(folder), ())


async def refuse_older(database: Database, folder: Path) -> None:
    """Raise MigrationError if the database lacks migrations, or has some that the folder does not know."""
    lacking = [version for version in await versions(database, folder) if not version.applied]
    if lacking:
        several = f"{len(lacking)} migrations, {lacking[0].file} to {lacking[-1].file}"
        raise MigrationError(
            f"the database {database.name} lacks {several if len(lacking) > 1 else lacking[0].file}, and in production "
            f"nothing is migrated by itself: run `freestone db upgrade {database.name}` before this version is started"
        )


async def upgrade(database: Database, folder: Path, target: str = "head", *, lose: bool = False) -> list[Version]:
    """Apply the migrations up to a revision, and return those that were applied.

    ``target`` is a revision, the beginning of one, ``"head"``, or ``"+1"`` for the next. Raises NoSuchRevision,
    MigrationError, and WouldLose where data would be gone and ``lose`` is not set.
    """
    return await _moved(database, folder, target, up=True, lose=lose)


async def downgrade(database: Database, folder: Path, target: str, *, lose: bool = False) -> list[Version]:
    """Take migrations back down to a revision, which stays, and return those that were taken back.

    ``target`` is a revision, the beginning of one, ``"base"`` for all of them, or ``"-1"`` for the last. Raises as
    ``upgrade`` does.
    """
    return await _moved(database, folder, target, up=False, lose=lose)


async def _moved(database: Database, folder: Path, target: str, *, up: bool, lose: bool) -> list[Version]:
    scripts = load(folder)
    if scripts is None:
        raise MigrationError(f"there are no migrations in {folder}")

    def work(connection: Connection) -> list[Script]:
        lock(connection)
        applied = _heads(connection)
        refuse_unknown(applied, scripts, folder, database)
        known = _versions(scripts, applied)
        revision = _resolved(target, known, folder, up=up)
        if revision is None:
            return []
        before = _extent(connection)
        if not up:
            _refuse_one_way(scripts, known, revision)
        taken = move(connection, scripts, folder, database, revision, up=up)
        losses = [loss for loss in _losses(before, _names(connection)) if not lose]
        if losses:
            raise WouldLose(losses)
        return taken

    taken = await in_transaction(database, work)
    return [_version(script, applied=up) for script in taken]


def _resolved(target: str, known: Sequence[Version], folder: Path, *, up: bool) -> str | None:
    """Return the revision that is meant; None if the database is there."""
    done = [version.revision for version in known if version.applied]
    all_of_them = [version.revision for version in known]
    if target in ("+1", "-1"):
        if (target == "+1") is not up:
            raise NoSuchRevision(f"{target} goes {'down' if up else 'up'}; say {'+1' if up else '-1'} here")
        if up:
            return next((each for each in all_of_them if each not in done), None)
        return None if not done else ["base", *done][-2]
    if target == ("head" if up else "base"):
        there = len(done) == len(all_of_them) if up else not done
        return None if there else target
    found = [each.revision for each in known if each.revision == target or Path(each.file).stem == target]
    found = found or [each.revision for each in known if Path(each.file).stem.startswith(target)]
    if len(found) != 1:
        names = ", ".join(Path(each.file).stem for each in known) or "none"
        several = "several revisions begin" if found else "no revision begins"
        raise NoSuchRevision(f'{several} with "{target}" in {folder}; there are: {names}')
    [revision] = found
    if up:
        return None if revision in done else revision
    if revision not in done:
        raise NoSuchRevision(f"the database does not have {revision}, so it can't go down to it")
    return None if done[-1] == revision else revision


def _refuse_one_way(scripts: ScriptDirectory, known: Sequence[Version], down_to: str) -> None:
    names = [version.revision for version in known if version.applied]
    back = names[names.index(down_to) + 1 :] if down_to in names else names
    for revision in back:
        script = scripts.get_revision(revision)
        if not hasattr(script.module, "downgrade"):
            raise MigrationError(f"{script.path} has no downgrade(), so it can't be taken back; write one")


def _heads(connection: Connection) -> tuple[str, ...]:
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_heads()


def _versions(scripts: ScriptDirectory | None, applied: tuple[str, ...]) -> list[Version]:
    if scripts is None:
        return []
    done = {script.revision for script in scripts.iterate_revisions(applied, "base")} if applied else set[str]()
    order = reversed(list(scripts.walk_revisions()))
    return [_version(each, applied=each.revision in done, current=each.revision in applied) for each in order]


def _version(script: Script, *, applied: bool, current: bool = False) -> Version:
    return Version(script.revision, Path(script.path).name, script.doc or "", applied, current)


def _names(connection: Connection) -> set[tuple[str, str]]:
    """Return the tables of the service and their columns; a table itself is a column without a name."""
    looked, is_theirs = inspect(connection), theirs(connection)
    found: set[tuple[str, str]] = set()
    for name in looked.get_table_names():
        if name != "alembic_version" and is_theirs(name, "table", None):
            found.add((name, ""))
            found.update((name, each["name"]) for each in looked.get_columns(name))
    return found


def _extent(connection: Connection) -> dict[tuple[str, str], int]:
    """Return how many rows each table has, and how many of them have a value in each column."""
    counted: dict[tuple[str, str], int] = {}
    for name, part in _names(connection):
        what: Any = func.count(column(part)) if part else func.count()
        counted[name, part] = connection.scalar(select(what).select_from(table(name))) or 0
    return counted


def _losses(before: dict[tuple[str, str], int], after: set[tuple[str, str]]) -> list[Loss]:
    gone = sorted(each for each, rows in before.items() if rows and each not in after)
    tables = {name for name, part in gone if not part}
    return [
        Loss(f"the column {name}.{part}" if part else f"the table {name}", before[name, part])
        for name, part in gone
        if not part or name not in tables
    ]
