"""The tables of a service, brought to where its code expects them: by the Alembic scripts in its folder.

A service has version files only, and no ``env.py``, which would be the same for everybody. All that a database
lacks is applied in one transaction. It has SQLite's lock for writing, or one of PostgreSQL's that is for this alone,
so that of two replicas that start at once one migrates, and the other then finds nothing to do; and it takes
everything back if one script fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, final
from weakref import WeakKeyDictionary

from sqlalchemy.exc import DBAPIError

from freestone.errors import Misconfigured

from .framework_tables import PREFIX
from .transaction import Transaction
from .uninterrupted import uninterrupted

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from alembic.script import Script, ScriptDirectory
    from sqlalchemy import Connection, MetaData

    from .database import Database

_T = TypeVar("_T")

_log = logging.getLogger("freestone.data")

_PATIENCE = 60.0
"""Seconds for which a replica waits for another that migrates."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('freestone migration ' || current_schema(), 0))"
"""Keeps other replicas out until the transaction ends, in this schema of this database."""

_TURN: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""Alembic's ``op`` is one for the process: two databases that migrate side by side would get each other's tables."""


@final
class MigrationError(Misconfigured):
    """A database can't be brought to where the code expects it. It is as it was before."""


async def migrate(database: Database, folder: Path) -> None:
    """Apply the migrations of the folder that the database lacks, all or none.

    The folder may be missing if the database has never been migrated. Raises MigrationError, which names the file
    at fault, and also when the database has been migrated further than the folder knows.
    """
    async with _TURN.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        scripts = load(folder)
        await in_transaction(database, lambda connection: _upgrade(connection, scripts, folder, database))


async def drift(database: Database, metadata: MetaData) -> list[str]:
    """Return how the tables of the database differ from those of the metadata, a sentence for each difference.

    After ``migrate`` an empty list means that the migrations make what the code expects; a test holds a service to
    it. SQLite does not tell everything: names of constraints, and types that it stores alike, are not compared.
    """
    until = asyncio.get_running_loop().time() + _PATIENCE
    transaction = Transaction(database.store, "drift", read_only=True, until=until)
    try:
        return await transaction.run(
            lambda session: session.run_sync(lambda it: _compare(it.connection(), metadata)),
        )
    finally:
        await transaction.rollback()


async def in_transaction(database: Database, work: Callable[[Connection], _T]) -> _T:
    """Do the work in the store's transaction for migrations, to its end even if the caller is cancelled."""
    store = database.store
    lane = store.migrating()
    over = asyncio.Event()

    async def run() -> _T:
        try:
            async with contextlib.aclosing(await lane.connect()) as connection:
                await store.begin(connection, asyncio.get_running_loop().time() + _PATIENCE, over.is_set)
                if not connection.in_transaction():  # of which SQLAlchemy keeps a record of its own
                    await connection.begin()
                result = await connection.run_sync(work)
                await connection.commit()
                return result
        except DBAPIError as error:
            raise store.translate(error) from error
        finally:
            await lane.close()

    return await uninterrupted(run(), over.set)


def load(folder: Path) -> ScriptDirectory | None:
    from alembic.script import ScriptDirectory
    from alembic.util.exc import CommandError

    if not folder.is_dir():
        return None
    scripts = ScriptDirectory(folder, version_locations=[folder])
    try:
        heads = scripts.get_heads()
    except CommandError as error:
        raise MigrationError(f"the migrations in {folder} can't be used: {error}") from error
    except Exception as error:
        raise MigrationError(f"{place_of(error, folder)} can't be loaded: {sentence_of(error)}") from error
    if len(heads) > 1:
        files = ", ".join(sorted(Path(scripts.get_revision(head).path).name for head in heads))
        raise MigrationError(
            f"the migrations in {folder} have {len(heads)} ends: {files}; let down_revision of one name the other"
        )
    return scripts


def _upgrade(connection: Connection, scripts: ScriptDirectory | None, folder: Path, database: Database) -> None:
    from alembic.runtime.migration import MigrationContext

    lock(connection)
    applied = MigrationContext.configure(connection).get_current_heads()
    refuse_unknown(applied, scripts, folder, database)
    if scripts is not None and set(applied) != set(scripts.get_heads()):
        move(connection, scripts, folder, database, "head")


def lock(connection: Connection) -> None:
    """Let one migrate at a time. On SQLite the transaction has the lock already."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_LOCK)


def move(
    connection: Connection, scripts: ScriptDirectory, folder: Path, database: Database, target: str, *, up: bool = True
) -> list[Script]:
    """Take the steps up to a revision, or down to it, in the transaction of the connection; return their scripts."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationStep

    taken: list[Script] = []

    def steps(heads: Any, _: MigrationContext) -> Iterator[MigrationStep]:
        way = (
            reversed(list(scripts.iterate_revisions(target, heads, implicit_base=True)))
            if up
            else scripts.iterate_revisions(heads, target)
        )
        for script in way:
            name = Path(script.path).name
            _log.info("database %s: %smigration %s", database.name, "" if up else "back before ", name)
            step = MigrationStep.upgrade_from_script if up else MigrationStep.downgrade_from_script
            taken.append(script)
            yield step(scripts.revision_map, script)

    try:
        with EnvironmentContext(Config(), scripts, fn=steps) as environment:
            environment.configure(connection=connection, transactional_ddl=True)
            environment.run_migrations()
    except Exception as error:
        raise MigrationError(
            f"{place_of(error, folder)} failed, and the database {database.name} is as it was: {sentence_of(error)}"
        ) from error
    check_references(connection, folder, database)
    return taken


def refuse_unknown(applied: tuple[str, ...], scripts: ScriptDirectory | None, folder: Path, database: Database) -> None:
    known = [] if scripts is None else [script.revision for script in scripts.walk_revisions()]
    unknown = sorted(set(applied).difference(known))
    if unknown:
        raise MigrationError(
            f"the database {database.store.place} was migrated to {', '.join(unknown)}, which {folder} does not have: "
            "a newer version of the service wrote it; run that version, or restore the data that belongs to this one"
        )


def check_references(connection: Connection, folder: Path, database: Database) -> None:
    """Refuse a migration that leaves references to rows that are gone; in SQLite foreign keys were off meanwhile."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise MigrationError(
            f"the migrations in {folder} leave rows of {broken[0]} that refer to missing rows of {broken[2]}; "
            f"the database {database.name} is as it was"
        )


def _compare(connection: Connection, metadata: MetaData) -> list[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    options: dict[str, Any] = {"compare_type": True, "include_name": theirs(connection)}
    context = MigrationContext.configure(connection, opts=options)
    found: list[str] = []
    for difference in cast("Sequence[Any]", compare_metadata(context, metadata)):
        # The changes of one column come as a list of their own.
        changes = cast("Sequence[Any]", difference) if isinstance(difference, list) else [difference]
        found.extend(_describe(change) for change in changes)
    return found


def theirs(connection: Connection) -> Callable[[str | None, str, Any], bool]:
    """Return what tells, for Alembic's ``include_name``, the tables of the service from those beside them.

    These are the framework's, and on SQLite those that an extension makes, as a full-text index, which no metadata has.
    """
    extensions: set[str] = set()
    if connection.dialect.name == "sqlite":
        listed = connection.exec_driver_sql("SELECT name FROM pragma_table_list WHERE type IN ('virtual', 'shadow')")
        extensions.update(listed.scalars())

    def are(name: str | None, kind: str, _: Any) -> bool:
        return kind != "table" or name is None or not (name.startswith(PREFIX) or name in extensions)

    return are


def _describe(change: tuple[Any, ...]) -> str:
    """Say in a sentence what one of Alembic's differences means: https://alembic.sqlalchemy.org, compare_metadata."""
    kind, *details = change
    verb, _, what = kind.partition("_")
    if verb == "modify":
        _, table, column, _, had, has = details
        return f"the {what} of {table}.{column} is {had!r} by the migrations and {has!r} in the code"
    thing = details[-1]
    table = getattr(thing, "table", None)
    name = thing.name if what == "table" or table is None else f"{table.name}.{thing.name}"
    if verb == "add":
        return f"the {what} {name} is in the code, and no migration makes it"
    return f"the {what} {name} is made by the migrations, and not in the code"


def place_of(error: Exception, folder: Path) -> str:
    """Return the file of the folder, with the line, in which the error arose."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{error.filename}:{error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).parent == folder:
            return f"{frame.filename}:{frame.lineno}"
    return f"a migration in {folder}"


def sentence_of(error: Exception) -> str:
    origin = getattr(error, "orig", None) or error
    return f"{type(origin).__name__}: {origin}"
