"""The next migration, written from the difference between code and migrations."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import DateTime, ForeignKey, MetaData, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone.data import Database, MigrationError, NothingDiffers, drift_of, known_versions, write_revision
from freestone.errors import Misconfigured


class Moment(TypeDecorator[datetime]):
    """A type of the application's own."""

    impl = DateTime
    cache_ok = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments, timezone=True)


class Base(DeclarativeBase):
    pass


class BookRow(Base):
    __tablename__ = "book"
    isbn: Mapped[str] = mapped_column(String(13), primary_key=True)
    lent_at: Mapped[datetime | None] = mapped_column(Moment)


class LoanRow(Base):
    __tablename__ = "loan"
    isbn: Mapped[str] = mapped_column(ForeignKey("book.isbn"), primary_key=True)


class FewerColumns(DeclarativeBase):
    pass


class FewerRow(FewerColumns):
    __tablename__ = "book"
    isbn: Mapped[str] = mapped_column(String(13), primary_key=True)
    title: Mapped[str | None]


async def test_a_revision_makes_what_the_code_has(tmp_path: Path) -> None:
    """The first one makes the folder; what it makes does not differ from the code, and its way back takes all away."""
    folder = tmp_path / "shelf" / "migrations"
    file = await write_revision(folder, "Books, and who has them", Base.metadata)
    assert file == folder / "0001_books_and_who_has_them.py"
    text = file.read_text()
    assert text.startswith('"""Books, and who has them."""\n\nimport sqlalchemy as sa\nfrom alembic import op\n')
    assert 'revision = "0001"\ndown_revision = None\n' in text
    assert "\n    op.create_table('book',\n        sa.Column('isbn', " in text
    assert "\n        sa.Column('lent_at', sa.DateTime(timezone=True), nullable=True)" in text
    assert "alembic" not in text.partition("def upgrade")[2].lower()
    assert await drift_of(folder, Base.metadata) == []
    compile(text, str(file), "exec")


async def test_the_next_revision_follows_the_last(tmp_path: Path) -> None:
    """It has what differs, no more; on SQLite a column goes by making the table anew."""
    folder = tmp_path / "shelf" / "migrations"
    await write_revision(folder, "books", Base.metadata)
    file = await write_revision(folder, "titles", FewerColumns.metadata)
    assert file.name == "0002_titles.py"
    text = file.read_text()
    assert 'down_revision = "0001"' in text
    assert "\n        batch_op.drop_column('lent_at')\n" in text
    assert not any(line.endswith(" ") for line in text.splitlines())
    assert "op.drop_table('loan')" in text
    assert await drift_of(folder, FewerColumns.metadata) == []
    with pytest.raises(NothingDiffers, match="make what the code expects; there is nothing to write"):
        await write_revision(folder, "again", FewerColumns.metadata)
    assert len(known_versions(folder)) == 2


async def test_an_empty_revision_is_for_steps_by_hand(tmp_path: Path) -> None:
    """Without the tables it has no steps; it can be applied all the same."""
    folder = tmp_path / "shelf" / "migrations"
    file = await write_revision(folder, "Fill in the titles.")
    assert file.read_text().startswith('"""Fill in the titles."""\n')
    assert "def upgrade() -> None:\n    pass\n" in file.read_text()
    assert await drift_of(folder, MetaData()) == []


async def test_revisions_go_on_as_the_others_are_named(tmp_path: Path) -> None:
    """Numbers, or numbers with words."""
    folder = tmp_path / "shelf" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0007_old.py").write_text(
        'revision = "0007_old"\ndown_revision = None\n\n\ndef upgrade() -> None:\n    pass\n'
    )
    assert 'revision = "0008_next"\ndown_revision = "0007_old"' in (await write_revision(folder, "next")).read_text()


async def test_a_message_without_words_is_refused(tmp_path: Path) -> None:
    """The file is named after it."""
    with pytest.raises(Misconfigured, match=r'"\?!" has no word for the name of a file'):
        await write_revision(tmp_path, "?!")


async def test_a_database_that_is_behind_can_not_tell_what_differs(tmp_path: Path) -> None:
    """As PostgreSQL's: what it lacks would be written a second time."""
    folder = tmp_path / "shelf" / "migrations"
    await write_revision(folder, "books", Base.metadata)
    database = Database.open(tmp_path / "shelf.db", folder)
    await database.start(migrate=False)
    try:
        with pytest.raises(Misconfigured, match=r"lacks 0001_books\.py, .* run `freestone db upgrade shelf` first"):
            await write_revision(folder, "titles", FewerColumns.metadata, database)
        await database.close()
        await database.start()
        file = await write_revision(folder, "titles", FewerColumns.metadata, database)
    finally:
        await database.close()
    assert "drop_column('lent_at')" in file.read_text()
    with contextlib.closing(sqlite3.connect(tmp_path / "shelf.db")) as connection:
        assert [row[1] for row in connection.execute("PRAGMA table_info(book)")] == ["isbn", "lent_at"]


async def test_migrations_that_fail_are_told(tmp_path: Path) -> None:
    """With file and line, as at a start."""
    folder = tmp_path / "shelf" / "migrations"
    file = await write_revision(folder, "wrong")
    file.write_text(file.read_text().replace("    pass", '    op.drop_table("missing")', 1))
    with pytest.raises(MigrationError, match=r"0001_wrong\.py:11 failed"):
        await write_revision(folder, "books", Base.metadata)
