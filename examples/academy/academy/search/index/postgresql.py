"""Full text by PostgreSQL's tsvector (https://www.postgresql.org/docs/current/textsearch.html).

Vectors and queries are written out and cast, not made by ``to_tsvector``: that would part and fold words again, by
rules that depend on the server's locale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, final

from sqlalchemy import Executable, text

from academy.search.words import Wanted

from .index import Words

ROOM: Final = 1_000_000
"""Bytes of words and positions that count; PostgreSQL refuses a vector of more than 1 MiB."""
_POSITIONS: Final = 255
"""Positions of a word that a vector keeps."""
_FURTHEST: Final = 16_383
"""The highest position that it knows."""

_INSERT: Final = "INSERT INTO words (rowid, vector) VALUES (:entry, CAST(CAST(:vector AS text) AS tsvector))"
# The weights of D, C, B and A: A is the title, B the focus, D the body.
_FIND: Final = """
    SELECT entry.id, ts_rank('{0.1, 0.2, 0.4, 1.0}', words.vector, looked.wanted) AS rank
    FROM (SELECT CAST(CAST(:wanted AS text) AS tsquery) AS wanted) AS looked, words JOIN entry ON entry.id = words.rowid
    WHERE words.vector @@ looked.wanted AND (CAST(:path AS text) IS NULL OR entry.path = CAST(:path AS text))
    ORDER BY rank DESC, entry.id LIMIT :limit
"""


@final
class PostgreSQLIndex:
    """A table of vectors, with a GIN index."""

    def insert(self, entry: int, words: Words) -> Executable:
        return text(_INSERT).bindparams(entry=entry, vector=vector(words))

    def find(self, wanted: Wanted, *, every: bool, path: str | None, limit: int) -> Executable:
        # A word has no quotation mark and no backslash in it: they only part words.
        match = (" & " if every else " | ").join(f"'{word}'" for word in wanted.words) + ":*"
        return text(_FIND).bindparams(wanted=match, path=path, limit=limit)


def vector(words: Words) -> str:
    """Return the words as PostgreSQL writes a vector, as many of them as it takes.

    >>> vector(Words(title=("cut", "stone"), body=("stone",)))
    "'cut':1A 'stone':2A,3"
    """
    places: dict[str, list[str]] = defaultdict(list)
    room = ROOM
    for position, (word, weight) in enumerate(_weighed(words), start=1):
        known = places[word]
        room -= 3 + (0 if known else len(word.encode()) + 4)
        if room < 0:
            break
        if len(known) < _POSITIONS:
            known.append(f"{min(position, _FURTHEST)}{weight}")
    return " ".join(f"'{word}':{','.join(those)}" for word, those in places.items() if those)


def _weighed(words: Words) -> Iterator[tuple[str, str]]:
    yield from ((word, "A") for word in words.title)
    yield from ((word, "B") for word in words.focus)
    yield from ((word, "") for word in words.body)
