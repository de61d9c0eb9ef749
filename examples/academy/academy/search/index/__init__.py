"""The words of all entries, in the way of a database that can search them."""

from __future__ import annotations

from typing import Literal

from .index import Index, Words
from .postgresql import PostgreSQLIndex
from .sqlite import SQLiteIndex

__all__ = ["Index", "Words", "index_of"]


def index_of(dialect: Literal["sqlite", "postgresql"]) -> Index:
    """Return the index for a kind of database."""
    return PostgreSQLIndex() if dialect == "postgresql" else SQLiteIndex()
