"""What search promises.

Found are paths, phases and resources, by the words of their titles, of what to look out for, and of their texts. Case
and accents make no difference, and the last word may be the beginning of one.
"""

from __future__ import annotations

import enum

from freestone import Contract, Message, command, query


class Kind(enum.Enum):
    """What was found."""

    PATH = "path"
    PHASE = "phase"
    RESOURCE = "resource"


class Piece(Message):
    """A part of a snippet."""

    text: str
    marked: bool = False
    """Whether it is a word that was looked for."""


class Result(Message):
    """One thing that was found."""

    kind: Kind
    title: str
    path: str
    """The slug of the path that it is, or is in."""
    path_title: str
    snippet: tuple[Piece, ...]
    """Where the words stand, or how the text begins; all pieces together are one or two lines. Empty if there is no
    text."""
    rank: float
    """How well it fits, higher for better; to be compared within one answer only."""
    label: str = ""
    """What kind of resource it is, as ``Article``; empty for a path or a phase."""
    phase: int | None = None
    """The number of the phase that it is, or is in; None for a path."""
    resource: str = ""
    """The slug of the resource; empty for a path or a phase."""


class Found(Message):
    """An answer to a search."""

    results: tuple[Result, ...] = ()
    """The best first."""
    more: bool = False
    """Whether there are more than were asked for."""
    some: bool = False
    """Whether nothing has all of the words; the results then have some of them."""
    empty: bool = False
    """Whether nothing can be found at all, because there are no paths yet or their texts have not come in."""


class Search(Contract):
    """What the paths say."""

    @query
    async def search(self, text: str, path: str | None = None, limit: int = 20) -> Found:
        """Return what has all the words of a text, in all paths or in the one with that slug.

        No text is wrong: signs that are not part of a word only part words, and a text without words finds nothing.
        Raises InvalidArgument for a limit that is not from 1 to 50.
        """
        ...

    @command
    async def refresh(self, path: str) -> None:
        """Have what can be found of a path be what the catalog has of it now; nothing, if it has no such path."""
        ...
