"""What goes wrong in PostgreSQL, in Freestone's words: the table by which its errors are translated.

As with SQLite, what is not in the table is a bug of the statement, or of who may do what, and passes as SQLAlchemy
raised it.
"""

from __future__ import annotations

import re

from sqlalchemy.exc import DBAPIError

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

from .failure import advise_migration

_LACKS_A_ROW = "lacks a row that this one refers to, or has one that refers to it"
_RAN_OUT_OF_TIME = "closed the connection: the transaction took longer than it may"

_EXACT: dict[str, tuple[type[ServiceError], str]] = {
    "23505": (AlreadyExists, "has such a row already"),
    "23P01": (AlreadyExists, "has a row already that excludes this one"),
    "23503": (FailedPrecondition, _LACKS_A_ROW),
    "23001": (FailedPrecondition, _LACKS_A_ROW),
    "40003": (Unknown, "does not know whether the statement was completed"),
    "55P03": (Unavailable, "was locked by another transaction all the time"),
    "57014": (Aborted, "was interrupted"),
    "25P03": (Unavailable, _RAN_OUT_OF_TIME),
    "25P04": (Unavailable, _RAN_OUT_OF_TIME),
    "25006": (Unavailable, "takes no writes: it is a standby, or was set to be read only"),
    "53100": (ResourceExhausted, "has no room left on its disk"),
    "53200": (ResourceExhausted, "has no memory left"),
    "53300": (Unavailable, "has no connections left"),
    "54000": (ResourceExhausted, "has come to a limit of its own"),
    "57P01": (Unavailable, "closed the connection: it was shut down, or somebody ended the connection"),
    "57P02": (Unavailable, "closed the connection: it crashed"),
    "57P03": (Unavailable, "is starting or stopping"),
    "57P04": (Unavailable, "was dropped"),
    "57P05": (Unavailable, "closed the connection, which was idle"),
}
"""By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

_CLASSES: dict[str, tuple[type[ServiceError], str]] = {
    "08": (Unavailable, "closed the connection"),
    "28": (Unavailable, "does not let this role in"),
    "40": (Aborted, "was changed by another transaction at the same time"),
    "53": (ResourceExhausted, "has run out of something that it needs"),
    "58": (Unavailable, "can't read or write its files"),
    "XX001"[:2]: (DataLoss, "is damaged"),
}
"""By the class, the first two characters."""

_MISSING = ("42P01", "42703")
"""A table, or a column, that is not there."""
_RACES = ("40001", "40P01", "40000")
"""Of a transaction that somebody else was faster than: it may do better when it is run again."""

_STALE_PLAN = "cached statement plan is invalid"
"""What asyncpg says when a table was changed beneath a statement that it had prepared. It knows better then."""

_KEY = re.compile(r"Key \((.+?)\)[=( ]")


def state_of(error: BaseException) -> str:
    """Return the SQLSTATE, or an empty text if the error has none."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return getattr(origin, "sqlstate", None) or ""


def is_read_only(error: BaseException) -> bool:
    """Whether the transaction, or the server, does not take writes."""
    return state_of(error) == "25006"


def translate(error: Exception, database: str) -> Exception:
    """Return the error of Freestone's tree that says the same, or the error itself if it is none of the table.

    ``database`` is the name that the sentence gives to it.
    """
    state = state_of(error)
    if _STALE_PLAN in str(error):
        state = "40001"
    found = _EXACT.get(state) or _CLASSES.get(state[:2])
    if state[:2] == "XX" and state not in ("XX001", "XX002"):
        found = None
    if found is not None:
        cls, problem = found
        translated = cls(f"the database {database} {problem}{_details(error, cls)}")
        translated.lost_race = state in _RACES
        return translated
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Unavailable(f"the database {database} closed the connection")
    if state in _MISSING:
        advise_migration(error, database)
    return error


def _details(error: Exception, cls: type[ServiceError]) -> str:
    """What a violated key adds: its columns, and no values."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    key = _KEY.search(getattr(origin, "detail", None) or "")
    if cls is not AlreadyExists or key is None:
        return ""
    table = getattr(getattr(origin, "__cause__", None) or origin, "table_name", None)
    prefix = f"{table}." if table else ""
    return f" ({', '.join(f'{prefix}{column}' for column in key[1].split(', '))})"
