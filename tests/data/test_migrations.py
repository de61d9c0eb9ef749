"""How a database gets its tables."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import MetaData, String, Table, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone.data import Database, MigrationError, drift, migrate
from freestone.errors import DataLoss
from freestone.testing import PostgresServer

Script = Callable[..., Path]


class Base(DeclarativeBase):
    pass


class Path_(Base):  # noqa: N801 - Path is taken
    __tablename__ = "path"
    name: Mapped[str] = mapped_column(String, primary_key=True)
    title: Mapped[str]


FIRST = """
    op.create_table("path", sa.Column("name", sa.String, primary_key=True))
"""
SECOND = """
    with op.batch_alter_table("path") as path:
        path.add_column(sa.Column("title", sa.String, nullable=False, server_default=""))
"""


@pytest.fixture
def script(tmp_path: Path) -> Script:
    folder = tmp_path / "migrations"

    def write(revision: str, after: str | None, body: str) -> Path:
        folder.mkdir(exist_ok=True)
        head = (
            f'import sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{revision}"\ndown_revision = {after!r}\n'
        )
        file = folder / f"{revision}.py"
        file.write_text(
            f"{head}\n\ndef upgrade() -> None:\n    {dedent(body).strip().replace(chr(10), chr(10) + '    ')}\n"
        )
        return file

    return write


async def opened(tmp_path: Path) -> Database:
    database = Database.open(tmp_path / "catalog.db", tmp_path / "migrations")
    await database.start()
    return database


def tables(tmp_path: Path) -> set[str]:
    connection = sqlite3.connect(tmp_path / "catalog.db")
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    return found


async def test_start_applies_what_is_missing(tmp_path: Path, script: Script) -> None:
    """The migrations are applied in their order; those that come later, at the next start."""
    script("0001_first", None, FIRST)
    await (await opened(tmp_path)).close()
    script("0002_second", "0001_first", SECOND)
    database = await opened(tmp_path)
    async with database.transaction():
        database.add(Path_(name="microservices", title="Microservices"))
    assert await drift(database, Base.metadata) == []
    await database.close()


async def test_a_service_without_migrations_starts(tmp_path: Path) -> None:
    """The folder may be missing, or empty."""
    await (await opened(tmp_path)).close()
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "__init__.py").touch()
    await (await opened(tmp_path)).close()


async def test_a_failing_migration_leaves_nothing(tmp_path: Path, script: Script) -> None:
    """All or none: what an earlier script of the same run did is undone too. The error names file and line."""
    script("0001_first", None, FIRST)
    file = script("0002_second", "0001_first", 'op.execute("ALTER TABLE missing ADD COLUMN x")')
    with pytest.raises(MigrationError) as raised:
        await opened(tmp_path)
    assert str(raised.value) == (
        f"{file}:9 failed, and the database catalog is as it was: OperationalError: no such table: missing"
    )
    assert tables(tmp_path) == set()


async def test_a_script_that_does_not_load_is_named(tmp_path: Path, script: Script) -> None:
    """A syntax error, or any other, at import."""
    file = script("0001_first", None, "return return")
    with pytest.raises(MigrationError, match=rf"^{file}:9 can't be loaded: SyntaxError: invalid syntax"):
        await opened(tmp_path)
    file.write_text("import sqlalchemy\n\nraise LookupError('no')\n")
    with pytest.raises(MigrationError, match=rf"^{file}:3 can't be loaded: LookupError: no"):
        await opened(tmp_path)
    file.write_text("down_revision = None\n")
    with pytest.raises(MigrationError, match=r"migrations can't be used: .*0001_first\.py"):
        await opened(tmp_path)


async def test_two_ends_are_refused(tmp_path: Path, script: Script) -> None:
    """Two scripts that follow the same one are a merge that went wrong."""
    script("0001_first", None, FIRST)
    script("0002_left", "0001_first", SECOND)
    script("0002_right", "0001_first", SECOND)
    with pytest.raises(MigrationError, match=r"have 2 ends: 0002_left\.py, 0002_right\.py; let down_revision of one"):
        await opened(tmp_path)
    assert tables(tmp_path) == set()


async def test_a_database_newer_than_the_code_is_refused(tmp_path: Path, script: Script) -> None:
    """Old code does not touch what newer code has migrated."""
    script("0001_first", None, FIRST)
    newer = script("0002_second", "0001_first", SECOND)
    await (await opened(tmp_path)).close()
    newer.unlink()
    with pytest.raises(
        MigrationError, match=r"catalog\.db was migrated to 0002_second, which .*migrations does not have"
    ):
        await opened(tmp_path)
    (tmp_path / "migrations" / "0001_first.py").unlink()
    with pytest.raises(MigrationError, match="a newer version of the service wrote it"):
        await opened(tmp_path)


async def test_a_table_that_is_rebuilt_keeps_what_refers_to_it(tmp_path: Path, script: Script) -> None:
    """SQLite changes a table by dropping it; that must not delete, by cascade, the rows that refer to it."""
    script("0001_first", None, FIRST)
    script(
        "0002_second",
        "0001_first",
        """
        op.execute("CREATE TABLE phase (path TEXT REFERENCES path ON DELETE CASCADE)")
        op.execute("INSERT INTO path VALUES ('a')")
        op.execute("INSERT INTO phase VALUES ('a')")
        """,
    )
    await (await opened(tmp_path)).close()
    script(
        "0003_third",
        "0002_second",
        """
        with op.batch_alter_table("path", recreate="always") as path:
            path.add_column(sa.Column("title", sa.String))
        """,
    )
    database = await opened(tmp_path)
    async with database.transaction():
        assert await database.scalar(text("SELECT count(*) FROM phase")) == 1
    await database.close()


async def test_a_migration_that_breaks_references_is_refused(tmp_path: Path, script: Script) -> None:
    """Foreign keys are checked at the end of a migration."""
    script(
        "0001_first",
        None,
        """
        op.execute("CREATE TABLE path (name TEXT PRIMARY KEY)")
        op.execute("CREATE TABLE phase (path TEXT REFERENCES path)")
        op.execute("INSERT INTO phase VALUES ('gone')")
        """,
    )
    with pytest.raises(MigrationError, match="leave rows of phase that refer to missing rows of path"):
        await opened(tmp_path)
    assert tables(tmp_path) == set()


async def test_databases_that_migrate_side_by_side_get_their_own_tables(tmp_path: Path) -> None:
    """Several services of a process start at once."""
    databases: list[Database] = []
    for number in range(5):
        folder = tmp_path / f"service{number}"
        folder.mkdir()
        (folder / "first.py").write_text(
            f"import sqlalchemy as sa\nfrom alembic import op\nrevision = 'first'\ndown_revision = None\n"
            f"def upgrade():\n    op.create_table('t{number}', sa.Column('x', sa.Integer))\n"
        )
        databases.append(Database.open(tmp_path / f"{number}.db", folder))
    await asyncio.gather(*(database.start() for database in databases))
    for number, database in enumerate(databases):
        async with database.transaction():
            await database.execute(text(f"INSERT INTO t{number} VALUES (1)"))
        await database.close()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_replicas_that_start_at_once_both_succeed(
    engine: str, tmp_path: Path, script: Script, request: pytest.FixtureRequest
) -> None:
    """One process migrates a new database, the others wait for it and find it done; six times, with four processes."""
    places = [str(tmp_path / f"{number}.db") for number in range(6)]
    if engine == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        places = [await server.create_database() for _ in range(6)]
    script("0001_first", None, FIRST)
    script("0002_second", "0001_first", "op.execute(\"INSERT INTO path VALUES ('a')\")")
    program = dedent(
        """
        import asyncio, sys
        from pathlib import Path
        from sqlalchemy import text
        from freestone.data import Database

        async def main():
            for line in sys.stdin:
                database = Database.open(line.strip(), Path(sys.argv[1]))
                await database.start()
                async with database.transaction():
                    print(await database.scalar(text("SELECT count(*) FROM path")), flush=True)
                await database.close()

        asyncio.run(main())
        """
    )
    pipe = asyncio.subprocess.PIPE
    replicas = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, str(tmp_path / "migrations"), stdin=pipe, stdout=pipe
        )
        for _ in range(4)
    ]
    for place in places:
        for replica in replicas:
            assert replica.stdin is not None
            replica.stdin.write(f"{place}\n".encode())
        for replica in replicas:
            assert replica.stdout is not None
            assert await replica.stdout.readline() == b"1\n"
    await asyncio.gather(*(replica.communicate(b"") for replica in replicas))
    assert [replica.returncode for replica in replicas] == [0, 0, 0, 0]


async def test_logging_is_left_as_it_is(tmp_path: Path, script: Script) -> None:
    """A migration does not reconfigure the program's logging."""
    before = logging.root.level, list(logging.root.handlers), logging.getLogger("academy").disabled
    script("0001_first", None, FIRST)
    await (await opened(tmp_path)).close()
    assert before == (logging.root.level, list(logging.root.handlers), logging.getLogger("academy").disabled)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path, script: Script) -> None:
    """It is not overwritten."""
    script("0001_first", None, FIRST)
    (tmp_path / "catalog.db").write_bytes(b"a letter to somebody\n" * 100)
    with pytest.raises(
        DataLoss, match=r"the database catalog \(.*catalog\.db\) is in a file that is no SQLite database"
    ):
        await opened(tmp_path)


async def test_drift_is_told_in_sentences(tmp_path: Path, script: Script) -> None:
    """What the code expects and the migrations do not make, and the other way round."""
    script("0001_first", None, 'op.create_table("path", sa.Column("name", sa.Integer), sa.Column("old", sa.Text))')
    script("0002_second", "0001_first", 'op.create_table("gone", sa.Column("name", sa.Text))')
    database = await opened(tmp_path)
    metadata = MetaData()
    for table in Base.metadata.tables.values():
        table.to_metadata(metadata)
    Table("new", metadata)
    assert sorted(await drift(database, metadata)) == [
        "the column path.old is made by the migrations, and not in the code",
        "the column path.title is in the code, and no migration makes it",
        "the nullable of path.name is True by the migrations and False in the code",
        "the table gone is made by the migrations, and not in the code",
        "the table new is in the code, and no migration makes it",
        "the type of path.name is INTEGER() by the migrations and String() in the code",
    ]
    await database.close()


async def test_migrate_can_be_called_by_hand(tmp_path: Path, script: Script) -> None:
    """Twice is as good as once."""
    script("0001_first", None, FIRST)
    database = Database.open(tmp_path / "catalog.db")
    await database.start()
    await migrate(database, tmp_path / "migrations")
    await migrate(database, tmp_path / "migrations")
    assert "path" in tables(tmp_path)
    await database.close()
