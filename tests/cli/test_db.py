"""``freestone db``, on an application of two services of which one has data."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from freestone.cli.failure import UsageMistake
from freestone.cli.shell import command_for
from freestone.data import Database

if TYPE_CHECKING:
    from .conftest import Start, Words


def data(shop: Path) -> Path:
    return shop / ".freestone" / "data" / "guests.db"


def write(shop: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(data(shop))) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def add_column(shop: Path) -> None:
    """Give the guests a column in the code."""
    tables = shop / "shop" / "guests" / "tables.py"
    tables.write_text(tables.read_text() + "    note: Mapped[str | None]\n")


def test_upgrade_applies_what_is_missing(freestone: Words, shop: Path) -> None:
    """Of all services, or of one; the second time there is nothing to do."""
    done = freestone("db", "upgrade", cwd=shop)
    assert (done.stdout, done.stderr) == ("guests: applied 0001_guest.py (The table of guests.)\n", "")
    assert freestone("db", "upgrade", "guests", cwd=shop).stdout == "guests: nothing to apply\n"
    write(shop, "INSERT INTO guest VALUES ('ada', 1)")


def test_history_marks_where_the_database_is(freestone: Words, shop: Path) -> None:
    """Also before there is one, and for programs."""
    assert freestone("db", "history", cwd=shop).stdout == "guests\n    0001  The table of guests.\n"
    assert not data(shop).exists()
    freestone("db", "upgrade", cwd=shop)
    freestone("db", "revision", "guests", "-m", "notes", cwd=shop)
    shown = freestone("db", "history", "guests", cwd=shop)
    assert shown.stdout == "guests\n  → 0001  The table of guests.\n    0002  notes.\n"
    found = json.loads(freestone("db", "history", "--json", cwd=shop).stdout)
    assert found == {
        "guests": [
            {
                "revision": "0001", "file": "0001_guest.py", "title": "The table of guests.", "applied": True,
                "current": True,
            },
            {"revision": "0002", "file": "0002_notes.py", "title": "notes.", "applied": False, "current": False},
        ]
    }  # fmt: skip


def test_a_revision_is_written_from_the_tables_of_the_code(freestone: Words, shop: Path) -> None:
    """It is a file in the service's folder, and makes what the code has; the database need not be there."""
    add_column(shop)
    written = freestone("db", "revision", "guests", "-m", "Guests have notes", "--autogenerate", cwd=shop)
    file = "shop/guests/migrations/0002_guests_have_notes.py"
    assert written.stdout == f"wrote {file}; look at it before it is used\n"
    assert "batch_op.add_column(sa.Column('note', sa.String(), nullable=True))" in (shop / file).read_text()
    again = freestone("db", "revision", "guests", "-m", "again", "--autogenerate", cwd=shop)
    assert again.returncode == 0
    assert "make what the code expects; there is nothing to write" in again.stdout
    assert freestone("db", "upgrade", cwd=shop).stdout.count("applied") == 2
    assert freestone("db", "check", cwd=shop).returncode == 0


def test_check_says_what_is_missing_with_an_exit_status(freestone: Words, shop: Path) -> None:
    """Migrations that the database lacks, and tables that no migration makes."""
    fine = freestone("db", "check", cwd=shop)
    assert (fine.returncode, fine.stdout) == (0, "guests: in order\n")
    freestone("db", "upgrade", cwd=shop)
    add_column(shop)
    freestone("db", "revision", "guests", "-m", "nothing yet", cwd=shop)
    found = freestone("db", "check", cwd=shop)
    assert found.returncode == 1
    assert found.stdout.splitlines() == [
        "guests: its database lacks 0002_nothing_yet.py; run `freestone db upgrade guests`",
        "guests: the column guest.note is in the code, and no migration makes it",
    ]
    shown = freestone("db", "check", "--json", cwd=shop)
    assert shown.returncode == 1
    assert len(json.loads(shown.stdout)["guests"]) == 2


def test_check_says_what_is_wrong_with_the_migrations(freestone: Words, shop: Path) -> None:
    """A file that can't be loaded is a line, and no end to the check of the others."""
    (shop / "shop" / "guests" / "migrations" / "0002_wrong.py").write_text("return return")
    found = freestone("db", "check", cwd=shop)
    assert found.returncode == 1
    assert "0002_wrong.py:1 can't be loaded: SyntaxError" in found.stdout


def test_downgrade_asks_before_data_is_lost(freestone: Words, shop: Path) -> None:
    """Without an answer nothing is done; ``--yes`` is one. An empty table is no loss."""
    freestone("db", "upgrade", cwd=shop)
    assert freestone("db", "downgrade", "guests", "--to", "base", cwd=shop).stdout == (
        "guests: took back 0001_guest.py (The table of guests.)\n"
    )
    freestone("db", "upgrade", cwd=shop)
    write(shop, "INSERT INTO guest VALUES ('ada', 1)", "INSERT INTO guest VALUES ('bob', 1)")
    refused = freestone("db", "downgrade", "guests", "--to", "-1", cwd=shop, answer="n\n")
    assert refused.returncode == 1
    assert "It takes away the table guest, with 2 rows." in refused.stdout
    assert "Data is lost to downgrade guests. Go on? [y/N]" in refused.stdout
    unanswered = freestone("db", "downgrade", "guests", "--to", "-1", cwd=shop, answer="")
    assert unanswered.returncode == 2
    assert "nobody is there to answer, and nothing was done; --yes is an answer" in unanswered.stderr
    write(shop, "INSERT INTO guest VALUES ('eve', 1)")
    agreed = freestone("db", "downgrade", "guests", "--to", "-1", cwd=shop, answer="y\n")
    assert agreed.returncode == 0
    assert "guests: took back 0001_guest.py" in agreed.stdout
    freestone("db", "upgrade", cwd=shop)
    write(shop, "INSERT INTO guest VALUES ('ada', 1)")
    assert freestone("db", "downgrade", "guests", "--to", "base", "--yes", cwd=shop).returncode == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("upgrade", "nobody"), 'shop: there is no service "nobody"'),
        (("upgrade", "greeter"), "service greeter: it has no database; declare one, as db: Database"),
        (("upgrade", "--to", "0001"), "0001 is a revision of one service; name it"),
        (("upgrade", "guests", "--to", "9"), 'no revision begins with "9"'),
        (("downgrade", "guests", "--to", "base"), "guests has no database yet: there is no file"),
        (("shell", "guests"), "it is made when the service is started"),
        (("provision",), "no service shares a database of PostgreSQL here"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(freestone: Words, shop: Path, words: tuple[str, ...], sentence: str) -> None:
    """And the exit status of a wrong command line."""
    refused = freestone("db", *words, cwd=shop)
    assert refused.returncode == 2, refused.stderr
    assert sentence in refused.stderr.replace("\n", " ")
    assert "Traceback" not in refused.stderr


def test_url_says_where_a_database_is(freestone: Words, shop: Path) -> None:
    """One alone as a value for scripts, all as a list."""
    assert freestone("db", "url", "guests", cwd=shop).stdout == f"sqlite:///{data(shop)}\n"
    assert freestone("db", "url", cwd=shop).stdout == f"guests  sqlite:///{data(shop)}\n"
    assert json.loads(freestone("db", "url", "--json", cwd=shop).stdout) == {"guests": f"sqlite:///{data(shop)}"}


def test_shell_is_the_databases_own_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, freestone: Words, shop: Path
) -> None:
    """sqlite3, or Python's own, or what to install; it has the terminal of the command."""
    database = Database.open(tmp_path / "guests.db")
    (tmp_path / "guests.db").touch()
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr("freestone.cli.shell.find_spec", lambda _: None)
    with pytest.raises(UsageMistake, match=r"there is no sqlite3 here that could open .*guests\.db; install it"):
        command_for(database)
    monkeypatch.setattr("freestone.cli.shell.find_spec", lambda _: object())
    assert command_for(database)[0][1:] == ["-m", "sqlite3", str(database.path)]
    (programs / "sqlite3").write_text('#!/bin/sh\necho "opened $1"\n')
    (programs / "sqlite3").chmod(0o755)
    assert command_for(database)[0] == [str(programs / "sqlite3"), str(database.path)]
    freestone("db", "upgrade", cwd=shop)
    shown = freestone("db", "shell", "guests", cwd=shop, env={"PATH": f"{programs}:{os.environ['PATH']}"})
    assert shown.stdout == f"opened {data(shop)}\n"


def test_in_production_a_service_does_not_start_on_an_older_schema(start: Start, freestone: Words, shop: Path) -> None:
    """The sentence names the command; after it the application starts."""
    production = {"FREESTONE_ENVIRONMENT": "production"}
    refused = freestone("run", cwd=shop, env=production)
    assert refused.returncode == 78, refused.stderr
    assert "lacks 0001_guest.py, and in production nothing is migrated by itself" in refused.stderr
    assert "run `freestone db upgrade guests` before this version is started" in refused.stderr
    assert freestone("db", "upgrade", "guests", cwd=shop, env=production).returncode == 0
    running = start(shop, "monolith")
    running.until_said("shop runs as monolith")
    # While it runs the database may be looked at, and brought further.
    freestone("db", "revision", "guests", "-m", "nothing", cwd=shop)
    assert "applied 0002_nothing.py" in freestone("db", "upgrade", cwd=shop).stdout


@pytest.mark.timeout(180)
async def test_on_postgresql_it_is_the_same(freestone: Words, shop: Path, tmp_path: Path, postgres_url: str) -> None:
    """Roles and schemas are made by a command of their own; no password is shown to anybody but psql."""
    server = {"FREESTONE_DATABASE_URL": postgres_url}
    strange = freestone("db", "upgrade", cwd=shop, env=server)
    assert strange.returncode == 1
    assert "make them with `freestone db provision`" in strange.stderr
    made = freestone("db", "provision", cwd=shop, env=server)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("guests: the role ")
    assert "the schema guests was made" in made.stdout
    again = freestone("db", "provision", "guests", cwd=shop, env=server).stdout
    assert again == "guests: its role and its schema are there\n"

    assert "guests: its database lacks 0001_guest.py" in freestone("db", "check", cwd=shop, env=server).stdout
    done = freestone("db", "upgrade", "guests", cwd=shop, env=server)
    assert done.stdout == "guests: applied 0001_guest.py (The table of guests.)\n", done.stderr
    assert freestone("db", "history", cwd=shop, env=server).stdout == "guests\n  → 0001  The table of guests.\n"
    assert freestone("db", "check", cwd=shop, env=server).stdout == "guests: in order\n"
    add_column(shop)
    written = freestone("db", "revision", "guests", "-m", "notes", "--autogenerate", cwd=shop, env=server)
    assert written.returncode == 0, written.stderr
    file = shop / "shop" / "guests" / "migrations" / "0002_notes.py"
    assert "op.add_column('guest', sa.Column('note', sa.String(), nullable=True))" in file.read_text()
    assert "applied 0002_notes.py" in freestone("db", "upgrade", cwd=shop, env=server).stdout
    back = freestone("db", "downgrade", "guests", "--to", "0001", cwd=shop, env=server)
    assert back.stdout == "guests: took back 0002_notes.py (notes.)\n"

    where = freestone("db", "url", "guests", cwd=shop, env=server).stdout
    assert where.startswith("postgresql://")
    assert "_guests@" in where
    assert where.endswith(" schema guests\n")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "psql").write_text('#!/bin/sh\necho "opened $1 with ${#PGPASSWORD} characters"\n')
    (programs / "psql").chmod(0o755)
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    shown = freestone("db", "shell", "guests", cwd=shop, env={**server, **path}).stdout
    assert shown.startswith(f"opened {where.removesuffix(' schema guests' + chr(10))} with 64 characters")
    assert freestone("events", "tail", cwd=shop, env=server).stdout == "no event was announced\n"
    assert not data(shop).exists()
