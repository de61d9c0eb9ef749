"""How far a database is migrated, and how it is moved."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from textwrap import dedent

import pytest

from freestone.data import (
    Database,
    MigrationError,
    NoSuchRevision,
    WouldLose,
    downgrade,
    known_versions,
    upgrade,
    versions,
)

Script = Callable[..., Path]

BOOKS = 'op.create_table("book", sa.Column("isbn", sa.String, primary_key=True))'
COPIES = """
with op.batch_alter_table("book") as book:
    book.add_column(sa.Column("copies", sa.Integer, nullable=True))
"""
NO_COPIES = """
with op.batch_alter_table("book") as book:
    book.drop_column("copies")
"""


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Write a migration."""

    def write(revision: str, after: str | None, up: str, down: str | None = "pass") -> Path:
        folder = tmp_path / "shelf" / "migrations"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{revision}_step.py"
        text = f'"""Step {revision}."""\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        text += f'revision = "{revision}"\ndown_revision = {after!r}\n\n\ndef upgrade() -> None:\n'
        text += _indented(up)
        if down is not None:
            text += f"\n\ndef downgrade() -> None:\n{_indented(down)}"
        file.write_text(text)
        return file

    return write


def _indented(body: str) -> str:
    return "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())


@pytest.fixture
def three(script: Script) -> Path:
    """Write three migrations; return their folder."""
    script("0001", None, BOOKS, 'op.drop_table("book")')
    script("0002", "0001", COPIES, NO_COPIES)
    return script(
        "0003", "0002", 'op.create_index("by_copies", "book", ["copies"])', 'op.drop_index("by_copies")'
    ).parent


@contextlib.asynccontextmanager
async def opened(tmp_path: Path) -> AsyncIterator[Database]:
    """Open the database as it is."""
    database = Database.open(tmp_path / "shelf.db", tmp_path / "shelf" / "migrations")
    await database.start(migrate=False)
    try:
        yield database
    finally:
        await database.close()


def columns(tmp_path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(tmp_path / "shelf.db")) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(book)")]


async def test_versions_say_what_a_database_has(tmp_path: Path, three: Path) -> None:
    """The oldest first; the last that was applied is where the database is."""
    async with opened(tmp_path) as db:
        assert [each.applied for each in await versions(db, three)] == [False] * 3
        await upgrade(db, three, "0002")
        found = await versions(db, three)
    assert [(each.revision, each.file, each.title, each.applied, each.current) for each in found] == [
        ("0001", "0001_step.py", "Step 0001.", True, False),
        ("0002", "0002_step.py", "Step 0002.", True, True),
        ("0003", "0003_step.py", "Step 0003.", False, False),
    ]
    assert [each.revision for each in known_versions(three)] == ["0001", "0002", "0003"]


async def test_a_folder_that_there_is_not_has_no_versions(tmp_path: Path) -> None:
    """A service may have a database without migrations."""
    async with opened(tmp_path) as db:
        assert await versions(db, tmp_path / "nowhere") == []
        with pytest.raises(MigrationError, match=r"there are no migrations in .*nowhere"):
            await upgrade(db, tmp_path / "nowhere")


async def test_a_database_is_moved_up_and_down(tmp_path: Path, three: Path) -> None:
    """To a revision, the next, the last, or an end; where it is already nothing is done."""
    async with opened(tmp_path) as db:
        assert [each.file for each in await upgrade(db, three, "+1")] == ["0001_step.py"]
        assert columns(tmp_path) == ["isbn"]
        assert [each.revision for each in await upgrade(db, three)] == ["0002", "0003"]
        assert await upgrade(db, three) == []
        assert await upgrade(db, three, "0001_step") == []
        assert await upgrade(db, three, "+1") == []
        assert [each.revision for each in await downgrade(db, three, "-1")] == ["0003"]
        assert [each.revision for each in await downgrade(db, three, "0001")] == ["0002"]
        assert columns(tmp_path) == ["isbn"]
        assert await downgrade(db, three, "0001") == []
        assert [each.revision for each in await downgrade(db, three, "base")] == ["0001"]
        assert await downgrade(db, three, "base") == []
        assert await downgrade(db, three, "-1") == []


@pytest.mark.parametrize(
    ("move", "target", "message"),
    [
        (upgrade, "0009", r'no revision begins with "0009" in .*; there are: 0001_step, 0002_step, 0003_step'),
        (upgrade, "000", r'several revisions begin with "000"'),
        (upgrade, "-1", r"-1 goes down; say \+1 here"),
        (downgrade, "+1", r"\+1 goes up; say -1 here"),
        (downgrade, "0003", r"the database does not have 0003, so it can't go down to it"),
    ],
)
async def test_a_target_that_can_not_be_meant_is_refused(
    tmp_path: Path, three: Path, move: Callable[..., object], target: str, message: str
) -> None:
    """With what there is."""
    async with opened(tmp_path) as db:
        await upgrade(db, three, "0002")
        with pytest.raises(NoSuchRevision, match=message):
            await move(db, three, target)  # type: ignore[misc]


async def test_a_move_that_takes_data_away_is_taken_back(tmp_path: Path, three: Path) -> None:
    """It says what, with how many rows; empty tables and columns are nobody's loss."""
    async with opened(tmp_path) as db:
        await upgrade(db, three)
        with contextlib.closing(sqlite3.connect(tmp_path / "shelf.db")) as connection:
            connection.execute("INSERT INTO book VALUES ('1', 3)")
            connection.execute("INSERT INTO book VALUES ('2', NULL)")
            connection.commit()
        with pytest.raises(WouldLose) as caught:
            await downgrade(db, three, "0001")
        assert [str(loss) for loss in caught.value.losses] == ["the column book.copies, with 1 row"]
        assert columns(tmp_path) == ["isbn", "copies"]
        assert [each.current for each in await versions(db, three)] == [False, False, True]
        with pytest.raises(WouldLose, match="it takes away the table book, with 2 rows"):
            await downgrade(db, three, "base")
        await downgrade(db, three, "0001", lose=True)
        assert columns(tmp_path) == ["isbn"]


async def test_an_upgrade_that_takes_data_away_is_taken_back_too(tmp_path: Path, three: Path, script: Script) -> None:
    """A batch of SQLite makes a table anew, which takes nothing away."""
    script("0004", "0003", 'op.drop_index("by_copies")\n' + dedent(NO_COPIES))
    async with opened(tmp_path) as db:
        await upgrade(db, three, "0003")
        with contextlib.closing(sqlite3.connect(tmp_path / "shelf.db")) as connection:
            connection.execute("INSERT INTO book VALUES ('1', 3)")
            connection.commit()
        with pytest.raises(WouldLose, match=r"it takes away the column book\.copies, with 1 row"):
            await upgrade(db, three)
        assert [each.revision for each in await upgrade(db, three, lose=True)] == ["0004"]


async def test_a_migration_without_a_way_back_is_named(tmp_path: Path, three: Path, script: Script) -> None:
    """Nothing is done."""
    file = script("0004", "0003", "pass", None)
    async with opened(tmp_path) as db:
        await upgrade(db, three)
        with pytest.raises(MigrationError, match=rf"^{file} has no downgrade\(\), so it can't be taken back"):
            await downgrade(db, three, "0002")
        assert (await versions(db, three))[3].current


async def test_in_production_an_older_database_is_refused(tmp_path: Path, three: Path) -> None:
    """With the command that brings it up; afterwards it starts, and a newer one is refused as ever."""
    production = Database.open(tmp_path / "shelf.db", three, migrates=False)
    with pytest.raises(MigrationError) as caught:
        await production.start()
    assert str(caught.value) == (
        "the database shelf lacks 3 migrations, 0001_step.py to 0003_step.py, and in production nothing is migrated "
        "by itself: run `freestone db upgrade shelf` before this version is started"
    )
    async with opened(tmp_path) as db:
        await upgrade(db, three, "0002")
    with pytest.raises(MigrationError, match=r"the database shelf lacks 0003_step\.py, and in production"):
        await production.start()
    async with opened(tmp_path) as db:
        await upgrade(db, three)
    await production.start()
    await production.close()
    (three / "0003_step.py").unlink()
    with pytest.raises(MigrationError, match="a newer version of the service wrote it"):
        await production.start()
