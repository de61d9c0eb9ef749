"""Full text by SQLite's FTS5 (https://sqlite.org/fts5.html)."""

from __future__ import annotations

from typing import Final, final

from sqlalchemy import Executable, text

from academy.search.words import Wanted

from .index import Words

_INSERT: Final = "INSERT INTO words (rowid, title, focus, body) VALUES (:entry, :title, :focus, :body)"
# bm25 is lower for better; its weights are those of title, focus and body.
_FIND: Final = """
    SELECT entry.id, -bm25(words, 10.0, 4.0, 1.0) AS rank FROM words JOIN entry ON entry.id = words.rowid
    WHERE words MATCH :wanted AND (:path IS NULL OR entry.path = :path) ORDER BY rank DESC, entry.id LIMIT :limit
"""


@final
class SQLiteIndex:
    """A virtual table with a column each for title, focus and body."""

    def insert(self, entry: int, words: Words) -> Executable:
        return text(_INSERT).bindparams(
            entry=entry, title=" ".join(words.title), focus=" ".join(words.focus), body=" ".join(words.body)
        )

    def find(self, wanted: Wanted, *, every: bool, path: str | None, limit: int) -> Executable:
        # A word has no quotation mark in it: they only part words.
        match = (" AND " if every else " OR ").join(f'"{word}"' for word in wanted.words) + "*"
        return text(_FIND).bindparams(wanted=match, path=path, limit=limit)
