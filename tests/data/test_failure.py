"""The tables that translate the errors of SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from freestone.data import postgres_failure
from freestone.data.failure import is_busy, is_read_only, translate
from freestone.errors import (
    Aborted,
    AlreadyExists,
    DataLoss,
    FailedPrecondition,
    ResourceExhausted,
    ServiceError,
    Unavailable,
    Unknown,
)

MISSING = (
    "If it is in the code, no migration of shelf has made it: `freestone db check` says what is missing, "
    '`freestone db revision shelf -m "…" --autogenerate` writes a migration, and `freestone db upgrade` applies it'
)


def failure(code: int, message: str = "") -> DBAPIError:
    """Return what SQLAlchemy raises for that result code."""
    origin = sqlite3.OperationalError(message)
    origin.sqlite_errorcode = code
    return OperationalError("SELECT 1", {}, origin)


@pytest.mark.parametrize(
    ("code", "cls"),
    [
        (sqlite3.SQLITE_BUSY, Aborted),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Aborted),
        (sqlite3.SQLITE_LOCKED, Aborted),
        (sqlite3.SQLITE_INTERRUPT, Aborted),
        (sqlite3.SQLITE_FULL, ResourceExhausted),
        (sqlite3.SQLITE_NOMEM, ResourceExhausted),
        (sqlite3.SQLITE_IOERR_WRITE, Unavailable),
        (sqlite3.SQLITE_CANTOPEN, Unavailable),
        (sqlite3.SQLITE_READONLY, Unavailable),
        (sqlite3.SQLITE_CORRUPT, DataLoss),
        (sqlite3.SQLITE_NOTADB, DataLoss),
        (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, AlreadyExists),
        (sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, FailedPrecondition),
    ],
)
def test_a_result_code_is_an_error_of_the_tree(code: int, cls: type[ServiceError]) -> None:
    """Extended codes count as their primary one, and each sentence names the database."""
    error = translate(failure(code), "bank")
    assert type(error) is cls
    assert str(error).startswith("the database bank ")


@pytest.mark.parametrize("thing", ["table: book", "column: book.title"])
def test_what_no_migration_has_made_says_how_it_is_made(thing: str) -> None:
    """It is the first that somebody meets who has written a service, and it is no error of the tree: a bug."""
    missing = failure(sqlite3.SQLITE_ERROR, f"no such {thing}")
    assert translate(missing, "shelf") is missing
    assert missing.__notes__ == [MISSING]
    assert not hasattr(translate(failure(sqlite3.SQLITE_ERROR, 'near "SELCT": syntax error'), "shelf"), "__notes__")


@pytest.mark.parametrize(("state", "noted"), [("42P01", True), ("42703", True), ("42601", False)])
def test_postgresql_says_as_well_how_it_is_made(state: str, noted: bool) -> None:
    origin = sqlite3.OperationalError('relation "book" does not exist')
    origin.sqlstate = state  # type: ignore[attr-defined]
    missing = OperationalError("SELECT 1", {}, origin)
    assert postgres_failure.translate(missing, "shelf") is missing
    assert getattr(missing, "__notes__", []) == [MISSING] * noted


def test_a_violated_key_names_its_columns() -> None:
    """For the people who read it; values are not in it."""
    error = translate(failure(sqlite3.SQLITE_CONSTRAINT_UNIQUE, "UNIQUE constraint failed: account.owner"), "bank")
    assert str(error) == "the database bank has such a row already (account.owner)"


@pytest.mark.parametrize("code", [sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT_NOTNULL, sqlite3.SQLITE_MISUSE, 0])
def test_a_bug_of_a_statement_passes_as_it_is(code: int) -> None:
    """No such column, a null where none may be: the author of the service must see it."""
    error = failure(code)
    assert translate(error, "bank") is error


def test_a_connection_that_was_lost_is_unavailable() -> None:
    """Whatever closed it."""
    error = failure(0)
    error.connection_invalidated = True
    assert isinstance(translate(error, "bank"), Unavailable)


def test_what_others_ask_of_an_error() -> None:
    """Also of those that are not of a database."""
    assert is_busy(failure(sqlite3.SQLITE_BUSY_RECOVERY))
    assert is_read_only(failure(sqlite3.SQLITE_READONLY_DBMOVED))
    assert not is_busy(LookupError())


def refusal(state: str, message: str = "", detail: str = "") -> DBAPIError:
    """Return what SQLAlchemy raises for that SQLSTATE."""
    origin = Exception(message)
    origin.sqlstate = state  # type: ignore[attr-defined]
    origin.detail = detail  # type: ignore[attr-defined]
    return DBAPIError("SELECT 1", {}, origin)


@pytest.mark.parametrize(
    ("state", "cls", "lost_race"),
    [
        ("23505", AlreadyExists, False),
        ("23503", FailedPrecondition, False),
        ("40001", Aborted, True),
        ("40P01", Aborted, True),
        ("40003", Unknown, False),
        ("55P03", Unavailable, False),
        ("57014", Aborted, False),
        ("57P01", Unavailable, False),
        ("57P03", Unavailable, False),
        ("08006", Unavailable, False),
        ("25006", Unavailable, False),
        ("53100", ResourceExhausted, False),
        ("53300", Unavailable, False),
        ("58030", Unavailable, False),
        ("XX001", DataLoss, False),
    ],
)
def test_a_state_of_postgresql_is_an_error_of_the_tree(state: str, cls: type[ServiceError], lost_race: bool) -> None:
    """A class counts where the state itself is not listed."""
    error = postgres_failure.translate(refusal(state), "bank")
    assert type(error) is cls
    assert error.lost_race is lost_race
    assert str(error).startswith("the database bank ")


@pytest.mark.parametrize("state", ["42P01", "42501", "23502", "22003", "XX000", ""])
def test_a_bug_of_a_statement_passes_there_too(state: str) -> None:
    """No such table, no right to it, a null where none may be."""
    error = refusal(state)
    assert postgres_failure.translate(error, "bank") is error


def test_a_violated_key_of_postgresql_names_its_columns_and_no_values() -> None:
    """As SQLite's does."""
    error = postgres_failure.translate(refusal("23505", detail="Key (owner, id)=(ada, 1) already exists."), "bank")
    assert str(error) == "the database bank has such a row already (owner, id)"


def test_a_statement_that_was_prepared_for_an_older_table_is_run_again() -> None:
    """The driver has forgotten it by then."""
    stale = refusal("0A000", "cached statement plan is invalid due to a database schema or configuration change")
    error = postgres_failure.translate(stale, "bank")
    assert isinstance(error, Aborted)
    assert error.lost_race
