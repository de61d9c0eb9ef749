"""How PostgreSQL is given words."""

from __future__ import annotations

from academy.search.index.index import Words
from academy.search.index.postgresql import ROOM, vector


def test_a_word_has_its_places_and_their_weights() -> None:
    """The title weighs most, then the focus."""
    words = Words(title=("small", "pieces"), focus=("pieces",), body=("of", "pieces"))
    assert vector(words) == "'small':1A 'pieces':2A,3B,5 'of':4"


def test_a_vector_stays_below_what_postgresql_takes() -> None:
    """Of a text that is too long the beginning is found."""
    written = vector(Words(title=(), body=tuple(f"{number:064}" for number in range(100_000))))
    assert 0.5 * ROOM < len(written) < 1.5 * ROOM
    assert written.startswith(f"'{0:064}':1 ")
    assert len(vector(Words(title=("same",) * 1_000_000))) < 10_000
