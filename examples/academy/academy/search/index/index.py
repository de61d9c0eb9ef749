"""What the two kinds of databases have to do for a search; everything else is the same for both.

Words come folded (``words.fold``), so that neither database's own idea of a word, of case or of accents matters. Both
keep them in a table ``words`` whose ``rowid`` is the entry's id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, final

from sqlalchemy import Executable, delete, table
from sqlalchemy import column as column_

from academy.search.words import Wanted

TABLE = table("words", column_("rowid"))


@final
@dataclass(frozen=True, slots=True)
class Words:
    """The words of an entry, folded and in order; those of the title weigh most, those of the body least."""

    title: tuple[str, ...]
    focus: tuple[str, ...] = ()
    body: tuple[str, ...] = ()


class Index(Protocol):
    """Makes the statements of one kind of database."""

    def insert(self, entry: int, words: Words) -> Executable:
        """Return what writes the words of a new entry."""
        ...

    def find(self, wanted: Wanted, *, every: bool, path: str | None, limit: int) -> Executable:
        """Return what finds entries: rows of an id and a rank, the best first.

        With ``every`` they have all the words, else any; with ``path`` they are of that path. There is a word.
        """
        ...


def remove(entries: Iterable[int]) -> Executable:
    """Return what removes the words of entries."""
    return delete(TABLE).where(TABLE.c.rowid.in_(list(entries)))
