"""What ``freestone db`` does with the migrations of services."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from freestone.app import App, databases
from freestone.errors import ConfigurationError, FreestoneError

from .application import the_application
from .asking import ask
from .failure import SERVICE_EXIT, UsageMistake, explain

if TYPE_CHECKING:
    from freestone.data import Database, Version


def upgrade(file: Path | None, service: str | None, to: str, yes: bool) -> None:
    """Apply what is missing. Raises UsageMistake for a revision without a service, MigrationError."""
    from freestone.data import upgrade

    app = the_application(file)
    if service is None and to != "head":
        raise UsageMistake(f"{to} is a revision of one service; name it, as `freestone db upgrade catalog --to {to}`")
    for name, database in the_databases(app, service).items():
        if not _has_migrations(database):
            if service is not None:
                raise UsageMistake(f"{name} has no migrations: there is no file in {database.migrations}")
            continue
        done = asyncio.run(_asking(database, upgrade, to, yes, f"to upgrade {name}"))
        for version in done:
            typer.echo(f"{name}: applied {_shown(version)}")
        if not done:
            typer.echo(f"{name}: nothing to apply")


def downgrade(file: Path | None, service: str, to: str, yes: bool) -> None:
    """Take migrations back. Raises UsageMistake, MigrationError."""
    from freestone.data import downgrade

    database = the_databases(the_application(file), service)[service]
    if not _exists(database):
        raise UsageMistake(f"{service} has no database yet: there is no file {database.path}")
    done = asyncio.run(_asking(database, downgrade, to, yes, f"to downgrade {service}"))
    for version in done:
        typer.echo(f"{service}: took back {_shown(version)}")
    if not done:
        typer.echo(f"{service}: nothing to take back")


def revision(file: Path | None, service: str, message: str, autogenerate: bool) -> None:
    """Write the next migration. Raises UsageMistake, MigrationError, ConfigurationError."""
    from freestone.data import NothingDiffers, metadata_of, write_revision

    app = the_application(file)
    database = the_databases(app, service)[service]
    assert database.migrations is not None
    metadata = metadata_of(app.services[service].cls) if autogenerate else None

    async def write() -> Path:
        folder, tables = database.migrations, metadata
        assert folder is not None
        if tables is None or database.dialect == "sqlite":
            return await write_revision(folder, message, tables)
        async with _opened(database):
            return await write_revision(folder, message, tables, database)

    try:
        written = asyncio.run(write())
    except NothingDiffers as error:
        typer.echo(str(error))
        return
    look = "; look at it before it is used" if autogenerate else "; write its steps"
    typer.echo(f"wrote {_from_here(written)}{look}")


def history(file: Path | None, service: str | None, as_json: bool) -> None:
    """Print the migrations, and where each database is. Raises MigrationError."""
    found = {name: _versions_of(database) for name, database in the_databases(the_application(file), service).items()}
    if as_json:
        typer.echo(json.dumps({name: msgspec.to_builtins(versions) for name, versions in found.items()}, indent=2))
        return
    for name, versions in found.items():
        typer.echo(name)
        width = max((len(version.revision) for version in versions), default=0)
        for version in versions:
            mark = "→" if version.current else "✓" if version.applied else " "
            typer.echo(f"  {mark} {version.revision:<{width}}  {version.title or version.file}".rstrip())
        if not versions:
            typer.echo("    no migrations")


def check(file: Path | None, service: str | None, as_json: bool) -> None:
    """Print what is missing. Exits with 1 if something is."""
    app = the_application(file)
    found = {name: _problems(app, name, database) for name, database in the_databases(app, service).items()}
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for name, problems in found.items():
            for problem in problems:
                typer.echo(f"{name}: {problem}")
            if not problems:
                typer.echo(f"{name}: in order")
    if any(found.values()):
        raise typer.Exit(SERVICE_EXIT)


def url(file: Path | None, service: str | None, as_json: bool) -> None:
    """Print where databases are, without passwords."""
    found = {name: database.place for name, database in the_databases(the_application(file), service).items()}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    elif service is not None:
        typer.echo(found[service])
    else:
        width = max((len(name) for name in found), default=0)
        for name, where in found.items():
            typer.echo(f"{name:<{width}}  {where}")


def provision(file: Path | None, service: str | None) -> None:
    """Make roles and schemas in PostgreSQL. Raises UsageMistake if no service shares a database there, Unavailable."""
    from freestone.data import provision

    app = the_application(file)
    shared = app.urls.shared
    chosen = [name for name in the_databases(app, service) if name not in app.urls.services]
    if shared is None or not chosen:
        raise UsageMistake(
            "no service shares a database of PostgreSQL here: files need no roles, and the URL of one service alone "
            "names its own; set the shared one in FREESTONE_DATABASE_URL, or as url under [data]"
        )
    for name in chosen:
        done = asyncio.run(provision(shared.reveal(), name))
        typer.echo(f"{name}: {', '.join(done) if done else 'its role and its schema are there'}")


def the_databases(app: App, service: str | None) -> Mapping[str, Database]:
    """Return the databases that are meant. Raises UsageMistake if there is none."""
    try:
        found = databases(app, None if service is None else [service])
    except ConfigurationError as error:
        raise UsageMistake(str(error)) from error
    if not found:
        raise UsageMistake(f"{app.name} has no service with a database")
    return found


@contextlib.asynccontextmanager
async def _opened(database: Database) -> AsyncGenerator[Database]:
    """Open a database as it is, for a block."""
    await database.start(migrate=False)
    try:
        yield database
    finally:
        await database.close()


async def _asking(
    database: Database, move: Callable[..., Awaitable[list[Version]]], to: str, yes: bool, what: str
) -> list[Version]:
    """Move a database, and ask first if that takes data away."""
    from freestone.data import NoSuchRevision, WouldLose

    async with _opened(database):
        try:
            return await move(database, database.migrations, to, lose=yes)
        except NoSuchRevision as error:
            raise UsageMistake(str(error)) from error
        except WouldLose as error:
            for loss in error.losses:
                typer.echo(f"It takes away {loss}.")
            ask(f"Data is lost {what}. Go on?")
            return await move(database, database.migrations, to, lose=True)


def _versions_of(database: Database) -> list[Version]:
    from freestone.data import known_versions, versions

    folder = database.migrations
    assert folder is not None
    if not _exists(database):
        return known_versions(folder)

    async def look() -> list[Version]:
        async with _opened(database):
            return await versions(database, folder)

    return asyncio.run(look())


def _problems(app: App, name: str, database: Database) -> list[str]:
    """Return what is missing, a sentence each."""
    from freestone.data import knows_tables, metadata_of

    problems: list[str] = []
    try:
        lacking = [version for version in _versions_of(database) if not version.applied]
        if lacking and _exists(database):
            files = ", ".join(version.file for version in lacking)
            problems.append(f"its database lacks {files}; run `freestone db upgrade {name}`")
        if _has_migrations(database) or knows_tables(app.services[name].cls):
            problems.extend(asyncio.run(_drift(database, metadata_of(app.services[name].cls))))
    except FreestoneError as error:
        problems.append(explain(error)[0])
    return problems


async def _drift(database: Database, metadata: Any) -> list[str]:
    """Return how the tables of the code differ from what the migrations make."""
    from freestone.data import drift, drift_of

    if database.dialect == "sqlite":
        assert database.migrations is not None
        return await drift_of(database.migrations, metadata)
    async with _opened(database):
        return await drift(database, metadata)


def _exists(database: Database) -> bool:
    return database.dialect != "sqlite" or database.path.exists()


def _has_migrations(database: Database) -> bool:
    return database.migrations is not None and any(database.migrations.glob("[!_]*.py"))


def _shown(version: Version) -> str:
    return f"{version.file} ({version.title})" if version.title else version.file


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
