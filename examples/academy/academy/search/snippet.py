"""The part of a text that a search is shown, with its words marked."""

from __future__ import annotations

from typing import Final

from .contract import Piece
from .words import Wanted, words

LENGTH: Final = 200
"""Characters of a snippet: two lines on a wide screen."""
BEFORE: Final = 60
"""Characters that it has before the first word that was looked for."""
_MOST: Final = 1000
"""Marks that are looked at: a text that has more is no better for it."""

_Mark = tuple[int, int, int]
"""Where a word that is looked for starts and ends, and which one it is."""


def snippet(text: str, wanted: Wanted) -> tuple[Piece, ...]:
    """Return the stretch of a text with the most of the words, or its beginning if it has none of them."""
    text = " ".join(text.split())
    marks = _marks(text, wanted)
    begin = max(0, _best(marks) - BEFORE)
    end = min(len(text), begin + LENGTH)
    begin, end = _whole_words(text, begin, end)
    pieces: list[Piece] = []
    place = begin
    for start, stop, _ in marks:
        if start >= place and stop <= end:
            pieces += [Piece(text[place:start]), Piece(text[start:stop], marked=True)]
            place = stop
    pieces.append(Piece(text[place:end]))
    return _with_dots([piece for piece in pieces if piece.text], begin > 0, end < len(text))


def _marks(text: str, wanted: Wanted) -> list[_Mark]:
    marks: list[_Mark] = []
    for word in words(text):
        which = wanted.matches(word.folded)
        if which is not None:
            marks.append((word.start, word.end, which))
            if len(marks) == _MOST:
                break
    return marks


def _best(marks: list[_Mark]) -> int:
    """Return where the stretch starts that has the most different words, and of these the most; the first of equals."""
    best, place = (0, 0), 0
    for index, (start, _, _) in enumerate(marks):
        near = []
        for mark in marks[index:]:
            if mark[1] > start + LENGTH - BEFORE:
                break
            near.append(mark[2])
        score = (len(set(near)), len(near))
        if score > best:
            best, place = score, start
    return place


def _whole_words(text: str, begin: int, end: int) -> tuple[int, int]:
    """Move both ends inwards to the next gap, if there is one near."""
    if begin > 0:
        gap = text.find(" ", begin, begin + BEFORE)
        begin = gap + 1 if gap >= 0 else begin
    if end < len(text):
        gap = text.rfind(" ", end - BEFORE, end)
        end = gap if gap > begin else end
    return begin, end


def _with_dots(pieces: list[Piece], before: bool, after: bool) -> tuple[Piece, ...]:
    if pieces and before:
        pieces.insert(0, Piece("… "))
    if pieces and after:
        pieces.append(Piece(" …"))
    return tuple(pieces)
