"""The seam of brokers. A broker is a log: events are appended, and read in order from any place that was kept.

It knows nothing of who reads. A subscription keeps its own cursor in its own database, with what it did; so nothing
is redelivered because somebody was slow, and nothing is given up after so many attempts behind anybody's back.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol, final

import msgspec

from freestone.errors import FreestoneError

from .envelope import Envelope


@final
class Source(msgspec.Struct, frozen=True):
    """Whose events are read."""

    application: str
    service: str


@final
class Cursor(msgspec.Struct, frozen=True):
    """A place in a log that can be kept."""

    log: str
    """The identity of the log: it changes when the log is made anew or restored."""
    position: int
    """Everything up to here is done; 0 is nothing."""
    id: str = ""
    """The id of the event at that position, to notice a log that was rolled back; empty if nobody knows."""


@final
class Recorded(msgspec.Struct, frozen=True):
    """An event, and where in the log it is.

    ``envelope`` None is a mark: up to this cursor there was nothing more for the reader. Keep it as its cursor, now and
    then. A subscription to something rare would otherwise stay where its last event was, until the log ends behind it,
    and it could not be told from one that has missed something.
    """

    envelope: Envelope | None
    cursor: Cursor


def is_stream(log: str) -> bool:
    """Whether a log of that identity is a stream of NATS, which is known by the time when it was made."""
    return ":" in log


class LogLost(FreestoneError):
    """The cursor is of another log, or of a state that the log has been rolled back from.

    Read from the beginning: the inbox absorbs what is known. ``moved`` is whether nothing was lost, and another broker
    carries the events now.
    """

    def __init__(self, message: str, *, moved: bool = False) -> None:
        super().__init__(message)
        self.moved = moved


class LogTrimmed(FreestoneError):
    """What followed the cursor is gone by retention. ``after`` is where to continue: before the first that is left."""

    def __init__(self, message: str, after: Cursor) -> None:
        super().__init__(message)
        self.after = after


class Broker(Protocol):
    """Carries events from those who announce them to those who listen."""

    async def start(self) -> None:
        """Begin to connect. Does not wait until the broker answers; later uses do."""
        ...

    async def close(self) -> None:
        """End what it has begun. Called once, after every use."""
        ...

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Append the events, in their order; they are durable when it returns.

        One whose id was seen lately is absorbed. Raises Unavailable when some of them may not have been appended: it is
        tried again with the same.
        """
        ...

    def read(
        self, source: Source, types: frozenset[str], partitions: frozenset[int], after: Cursor | None
    ) -> AsyncGenerator[Sequence[Recorded]]:
        """Yield the events of those types and partitions that follow the cursor, in order and for ever.

        ``after`` None is the beginning. Marks come between them now and then. It survives the broker's absence by
        itself. Raises LogLost and LogTrimmed.
        """
        ...

    async def end(self, source: Source) -> Cursor:
        """Return the place after everything that is there now: where a subscription "from now on" begins."""
        ...
