"""One timer for all connections of an event loop, which has each look after its peer a few times a second.

A timer for each would cost more than the looking: most connections have nothing to say most of the time. It counts how
often it has looked, and no seconds: while this process is halted it hears nobody, and that speaks against nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final, Protocol, final

_AT_A_TIME: Final = 64
"""Connections that are looked at in one turn of the loop, lest a thousand of them hold it up with their pings."""


class Looking(Protocol):
    """One that is to look from time to time."""

    def look(self) -> None:
        """Look whether anything is late. Called once in each period."""
        ...


@final
class Pulse:
    """Has everyone who was added look once in a ``period``, in seconds. It runs while there is somebody."""

    __slots__ = ("_due", "_looking", "_round", "_timer", "loop", "period")

    def __init__(self, loop: asyncio.AbstractEventLoop, period: float) -> None:
        self.loop = loop
        self.period = period
        self._looking: dict[Looking, None] = {}
        self._round: Iterator[Looking] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def add(self, looking: Looking) -> None:
        """Have it look from now on."""
        self._looking[looking] = None
        if self._timer is None:
            self._due = self.loop.time() + self.period
            self._timer = self.loop.call_at(self._due, self._beat)

    def discard(self, looking: Looking) -> None:
        """Have it look no more."""
        self._looking.pop(looking, None)
        if not self._looking and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        now = self.loop.time()
        self._due += self.period
        if self._due <= now:  # it was halted, and makes up for none that were left out
            self._due = now + self.period
        self._timer = self.loop.call_at(self._due, self._beat)
        if self._round is None:
            self._round = iter(tuple(self._looking))
            self._go_on()

    def _go_on(self) -> None:
        assert self._round is not None
        for _ in range(_AT_A_TIME):
            looking = next(self._round, None)
            if looking is None:
                self._round = None
                return
            if looking in self._looking:
                looking.look()
        self.loop.call_soon(self._go_on)
