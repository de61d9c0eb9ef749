"""Which event is handled next: those of one key one after another, those of different keys at the same time.

A *lane* is what is under way for one key. It holds events that were read and wait for their turn, and perhaps the note
that something is due among the key's events that were kept for later (``aside``), which is older and comes first. One
piece of work of a lane runs at a time; ``width`` bounds how many run in all, and ``room`` how many events are held.
Lanes take turns in the order in which they became ready, so that a key with many events holds up no other.

A lane also knows whether its key is *blocked*: whether something of it was kept, behind which its later events must
wait. Only work of the lane itself changes that, so within a lane it stays true; a new lane does not know, and whoever
does its first work has to look.

Pure: no time, no input or output.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import final

import msgspec

from .broker import Recorded


@final
class Work(msgspec.Struct, frozen=True):
    """A piece of work, to be ended with ``Lanes.end``."""

    key: str
    partition: int
    recorded: Recorded | None
    """The event; None if it is what was kept of the key that is due."""
    blocked: bool | None = None
    """Whether something of the key was kept for later, behind which the event must wait; None if nobody knows."""


class _Lane:
    __slots__ = ("blocked", "due", "events", "in_line", "partition", "running")

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.events: deque[Recorded] = deque()
        self.due = False
        self.running = False
        self.in_line = False
        self.blocked: bool | None = None


@final
class Lanes:
    """The lanes of one subscription in one process.

    >>> lanes = Lanes(width=2, room=10)
    >>> lanes.next() is None
    True
    """

    def __init__(self, width: int, room: int) -> None:
        self._width = width
        self._room = room
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[str] = deque()
        self._running = 0
        self._held = 0

    def __len__(self) -> int:
        """The events that are held: those that run, and those that wait for their turn."""
        return self._held

    @property
    def running(self) -> int:
        """How many pieces of work were begun and not ended."""
        return self._running

    @property
    def has_room(self) -> bool:
        """Whether more events may be offered."""
        return self._held < self._room

    def offer(self, recorded: Recorded) -> None:
        """Take an event that was read; it comes after those of its key that were offered before."""
        envelope = recorded.envelope
        assert envelope is not None
        self._held += 1
        self._lane(envelope.subject, envelope.partition).events.append(recorded)
        self._make_ready(envelope.subject)

    def wake(self, key: str, partition: int) -> None:
        """Note that something that was kept of the key is due. It comes before the events that wait."""
        self._lane(key, partition).due = True
        self._make_ready(key)

    def next(self) -> Work | None:
        """Begin a piece of work, if one is ready and not as many run as may."""
        if self._running >= self._width or not self._ready:
            return None
        key = self._ready.popleft()
        lane = self._lanes[key]
        lane.in_line = False
        lane.running = True
        self._running += 1
        if lane.due:
            lane.due = False
            return Work(key, lane.partition, None, lane.blocked)
        return Work(key, lane.partition, lane.events.popleft(), lane.blocked)

    def end(self, work: Work, blocked: bool | None) -> None:
        """Note that a piece of work is over, and whether the key is blocked now, if that is known."""
        self._running -= 1
        if work.recorded is not None:
            self._held -= 1
        lane = self._lanes[work.key]
        lane.running = False
        lane.blocked = blocked
        if lane.due or lane.events:
            self._make_ready(work.key)
        else:
            del self._lanes[work.key]

    def drop(self, partitions: Collection[int]) -> None:
        """Forget what waits for its turn in those partitions. What runs is to be ended as ever."""
        dropped = {key for key, lane in self._lanes.items() if lane.partition in partitions}
        self._ready = deque(key for key in self._ready if key not in dropped)
        for key in dropped:
            lane = self._lanes[key]
            self._held -= len(lane.events)
            lane.events.clear()
            lane.due = lane.in_line = False
            if not lane.running:
                del self._lanes[key]

    def _lane(self, key: str, partition: int) -> _Lane:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(partition)
        return lane

    def _make_ready(self, key: str) -> None:
        lane = self._lanes[key]
        if not lane.running and not lane.in_line:
            lane.in_line = True
            self._ready.append(key)
