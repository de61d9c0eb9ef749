"""Many deadlines on one timer: a timer wheel.

A timer of the event loop costs several microseconds to set and to take back, and almost every call ends long before
its deadline. Here a deadline is an entry in the set of its slot of time; ending early takes it out again. One timer
runs, for the next slot that has an entry. The price is precision: an entry expires up to two slots late, never early.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable
from typing import Generic, TypeVar, final

E = TypeVar("E")


@final
class TimerWheel(Generic[E]):
    """Calls ``expire`` with each entry whose time has come. ``slot`` is in seconds."""

    __slots__ = ("_expire", "_loop", "_order", "_slot", "_slots", "_timer", "_timer_slot")

    def __init__(self, loop: asyncio.AbstractEventLoop, expire: Callable[[E], None], slot: float = 0.01) -> None:
        self._loop = loop
        self._expire = expire
        self._slot = slot
        self._slots: dict[int, set[E]] = {}
        self._order: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_slot = 0

    def arm(self, when: float, entry: E) -> set[E]:
        """Expire the entry at that time of the loop. To take it back, ``discard`` it from the set that is returned.

        A time that never comes (infinity) takes no place in the wheel.
        """
        if when == math.inf:
            return {entry}
        slot = int(when / self._slot) + 1
        entries = self._slots.get(slot)
        if entries is None:
            entries = self._slots[slot] = set()
            heapq.heappush(self._order, slot)
            if self._timer is None or slot < self._timer_slot:
                self._schedule(slot)
        entries.add(entry)
        return entries

    def close(self) -> None:
        """Forget every entry."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._slots.clear()
        self._order.clear()

    def _schedule(self, slot: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_slot = slot
        self._timer = self._loop.call_at(slot * self._slot, self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = int(self._loop.time() / self._slot)
        due: list[E] = []
        # A set that is empty is dropped as well: whoever was in it has left, and holds it no more.
        while self._order and (self._order[0] <= now or not self._slots[self._order[0]]):
            due += self._slots.pop(heapq.heappop(self._order))
        if self._order:
            self._schedule(self._order[0])
        for entry in due:
            self._expire(entry)
