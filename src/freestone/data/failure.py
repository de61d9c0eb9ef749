"""What goes wrong in the database, in Freestone's words: the table by which SQLite's errors are translated.

An error that is not in the table is a bug of the statement (no such column, a null where none may be), and passes
as SQLAlchemy raised it.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from freestone.errors import (
    Aborted,
    AlreadyExists,
    DataLoss,
    FailedPrecondition,
    ResourceExhausted,
    ServiceError,
    Unavailable,
)

_EXACT: dict[int, tuple[type[ServiceError], str]] = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: (AlreadyExists, "has such a row already"),
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: (AlreadyExists, "has such a row already"),
    sqlite3.SQLITE_CONSTRAINT_ROWID: (AlreadyExists, "has such a row already"),
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: (
        FailedPrecondition,
        "lacks a row that this one refers to, or has one that refers to it",
    ),
}
"""By SQLite's extended result code (https://www.sqlite.org/rescode.html)."""

_PRIMARY: dict[int, tuple[type[ServiceError], str]] = {
    sqlite3.SQLITE_BUSY: (Aborted, "is locked by another process"),
    sqlite3.SQLITE_LOCKED: (Aborted, "is locked by another connection"),
    sqlite3.SQLITE_INTERRUPT: (Aborted, "was interrupted"),
    sqlite3.SQLITE_FULL: (ResourceExhausted, "has no room left on its disk"),
    sqlite3.SQLITE_NOMEM: (ResourceExhausted, "has no memory left"),
    sqlite3.SQLITE_IOERR: (Unavailable, "can't read or write its file"),
    sqlite3.SQLITE_CANTOPEN: (Unavailable, "can't open its file"),
    sqlite3.SQLITE_PERM: (Unavailable, "may not open its file"),
    sqlite3.SQLITE_READONLY: (Unavailable, "may not write its file"),
    sqlite3.SQLITE_PROTOCOL: (Unavailable, "could not get a lock on its file"),
    sqlite3.SQLITE_CORRUPT: (DataLoss, "is damaged"),
    sqlite3.SQLITE_NOTADB: (DataLoss, "is in a file that is no SQLite database"),
}
"""By the primary result code, the low eight bits of the extended one."""

_RACES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
"""The primary codes of a transaction that somebody else was faster than: it may do better when it is run again."""


def code_of(error: BaseException) -> int:
    """Return SQLite's extended result code, or 0 if the error has none."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return getattr(origin, "sqlite_errorcode", 0)


def is_busy(error: BaseException) -> bool:
    """Whether another process held the lock that was asked for."""
    return code_of(error) & 0xFF == sqlite3.SQLITE_BUSY


def is_read_only(error: BaseException) -> bool:
    """Whether the connection, or the file, does not take writes."""
    return code_of(error) & 0xFF == sqlite3.SQLITE_READONLY


def translate(error: Exception, database: str) -> Exception:
    """Return the error of Freestone's tree that says the same, or the error itself if it is none of the table.

    ``database`` is the name that the sentence gives to it.
    """
    code = code_of(error)
    found = _EXACT.get(code) or _PRIMARY.get(code & 0xFF)
    if found is not None:
        cls, problem = found
        translated = cls(f"the database {database} {problem}{_details(error, cls)}")
        translated.lost_race = code & 0xFF in _RACES
        return translated
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Unavailable(f"the database {database} closed the connection")
    if "no such table: " in str(error) or "no such column: " in str(error):
        advise_migration(error, database)
    return error


def advise_migration(error: Exception, database: str) -> None:
    """Note on an error that something of the code's tables is missing, and how it comes there."""
    error.add_note(
        f"If it is in the code, no migration of {database} has made it: `freestone db check` says what is missing, "
        f'`freestone db revision {database} -m "…" --autogenerate` writes a migration, and `freestone db upgrade` '
        "applies it"
    )


def _details(error: Exception, cls: type[ServiceError]) -> str:
    """What a constraint's message adds: the columns. Of anything else the cause has it."""
    if cls is not AlreadyExists:
        return ""
    origin = error.orig if isinstance(error, DBAPIError) else error
    _, _, columns = str(origin).partition(": ")
    return f" ({columns})" if columns else ""
