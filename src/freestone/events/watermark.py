"""Up to where a partition is done: everything before is handled, or kept for later.

Events are begun in the order of the log and are done in any order. The cursor that is written is that of the last event
before which none is open, so what a crash finds unfinished is read again.

Pure.
"""

from __future__ import annotations

from collections import deque
from typing import final

from .broker import Cursor


@final
class Watermark:
    """The open events of one partition of one subscription.

    >>> watermark = Watermark(None)
    >>> first, second = Cursor("log", 3), Cursor("log", 7)
    >>> watermark.begin(first), watermark.begin(second)
    (True, True)
    >>> watermark.done(second)
    >>> watermark.cursor is None
    True
    >>> watermark.done(first)
    >>> watermark.cursor.position
    7
    """

    def __init__(self, cursor: Cursor | None) -> None:
        self.cursor = cursor
        """Everything up to here is done; None if nothing is known to be."""
        self._latest = cursor
        self._open: deque[Cursor] = deque()
        self._done: set[int] = set()

    @property
    def latest(self) -> Cursor | None:
        """The last that was begun: what is read goes on after it."""
        return self._latest

    @property
    def is_settled(self) -> bool:
        """Whether nothing is open."""
        return not self._open

    def begin(self, cursor: Cursor) -> bool:
        """Note that the event at that place is open. False, and nothing noted, if it was begun before."""
        latest = self._latest
        if latest is not None and latest.log == cursor.log and cursor.position <= latest.position:
            return False
        self._latest = cursor
        self._open.append(cursor)
        return True

    def done(self, cursor: Cursor) -> None:
        """Note that the event at that place is handled, or kept."""
        self._done.add(cursor.position)
        while self._open and self._open[0].position in self._done:
            self.cursor = self._open.popleft()
            self._done.discard(self.cursor.position)
