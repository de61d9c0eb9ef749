"""A broker that is a list: for tests of what publishes and what reads, without a database and without NATS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final, final

from msgspec.structs import replace

from freestone.events import Cursor, Envelope, LogLost, LogTrimmed, Recorded, Source, partition_of

_BATCH: Final = 256


@final
class MemoryBroker:
    """A ``Broker`` that keeps all events in memory, those of all applications in one log. It never forgets an id.

    >>> async def example(envelopes):
    ...     broker = MemoryBroker()
    ...     await broker.publish(envelopes)
    """

    def __init__(self, *, partitions: int = 8) -> None:
        self.partitions = partitions
        self._made = 0
        self._kept: list[Envelope] = []
        self._first = 1
        """The position of the first event that is left."""
        self._ids: set[str] = set()
        self._news = asyncio.Event()

    async def start(self) -> None:
        """Do nothing: it is there."""

    async def close(self) -> None:
        """Do nothing: it is gone with its last user."""

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            if envelope.id not in self._ids:
                self._ids.add(envelope.id)
                self._kept.append(replace(envelope, partition=partition_of(envelope.subject, self.partitions)))
        self._tell()

    async def read(
        self, source: Source, types: frozenset[str], partitions: frozenset[int], after: Cursor | None
    ) -> AsyncGenerator[Sequence[Recorded]]:
        position = self._checked(after)
        while True:
            self._checked(self._cursor(position) if after is not None else None)
            end = min(self._last, position + _BATCH)
            found = [
                Recorded(envelope, self._cursor(at))
                for at in range(max(position + 1, self._first), end + 1)
                if (envelope := self._at(at)).source == f"/{source.application}/{source.service}"
                and envelope.type in types
                and envelope.partition in partitions
            ]
            if not found and end > position:
                found = [Recorded(None, self._cursor(end))]
            news = self._news
            if found:
                yield found
            position, after = end, self._cursor(end)
            if position == self._last:
                await news.wait()

    async def end(self, source: Source) -> Cursor:
        return self._cursor(self._last)

    def lose(self) -> None:
        """Lose everything, and begin anew."""
        self._made += 1
        self._first = 1
        self._kept.clear()
        self._ids.clear()
        self._tell()

    def trim(self, place: Cursor) -> None:
        """Let what is up to a place be gone by retention."""
        del self._kept[: max(0, place.position + 1 - self._first)]
        self._first = max(self._first, place.position + 1)

    @property
    def _last(self) -> int:
        return self._first + len(self._kept) - 1

    def _at(self, position: int) -> Envelope:
        return self._kept[position - self._first]

    def _cursor(self, position: int) -> Cursor:
        id_ = self._at(position).id if self._first <= position <= self._last else ""
        return Cursor(f"log {self._made}", position, id_)

    def _checked(self, after: Cursor | None) -> int:
        if after is None:
            return self._first - 1
        known = self._first <= after.position <= self._last and after.id
        if (
            after.log != f"log {self._made}"
            or after.position > self._last
            or (known and self._at(after.position).id != after.id)
        ):
            raise LogLost("the list was made anew, or has lost its end")
        if after.position + 1 < self._first:
            raise LogTrimmed(f"the list begins with {self._first} now", self._cursor(self._first - 1))
        return after.position

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
