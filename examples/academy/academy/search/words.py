"""Texts to words: what two spellings of a word have in common, alike for every database."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

LONGEST_WORD: Final = 64
"""Characters of a word that count."""
MOST_WORDS: Final = 12
"""Words of a search that count; whoever types more is not looking for all of them."""

# Chinese and Japanese have no spaces between words: each of their characters is a word.
_WORD: Final = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|(?:[^\\W_\u3040-\u9fff]|[\u0300-\u036f])+"
)


@final
@dataclass(frozen=True, slots=True)
class Word:
    """A word, and where it stands in its text."""

    folded: str
    start: int
    end: int


@final
@dataclass(frozen=True, slots=True)
class Wanted:
    """The words of a search."""

    words: tuple[str, ...]
    """Folded. Of the last one the beginning is enough."""

    def matches(self, word: str) -> int | None:
        """Return which of them a folded word is, or None.

        >>> Wanted(("small", "pie")).matches("pieces")
        1
        """
        if word in self.words:
            return self.words.index(word)
        return len(self.words) - 1 if self.words and word.startswith(self.words[-1]) else None


def fold(word: str) -> str:
    """Return what all spellings of a word have in common: no case, no accents.

    >>> fold("Größe"), fold("GROSSE"), fold("Café")
    ('grosse', 'grosse', 'cafe')
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", word).casefold())
    return "".join(character for character in plain if character.isalnum())[:LONGEST_WORD]


def words(text: str) -> Iterator[Word]:
    """Give the words of a text, in order.

    >>> [word.folded for word in words("Event-driven, *naïve* 茶道")]
    ['event', 'driven', 'naive', '茶', '道']
    """
    for match in _WORD.finditer(text):
        folded = fold(match[0])
        if folded:
            yield Word(folded, match.start(), match.end())


def wanted(text: str) -> Wanted:
    """Return the words of what somebody looks for."""
    found = [word.folded for word in words(text)][:MOST_WORDS]
    return Wanted(tuple(word for place, word in enumerate(found) if word not in found[place + 1 :]))
