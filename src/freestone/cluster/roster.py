"""Who is there, as far as was heard: pure.

Nobody's clock is compared with anybody else's. A process is gone when it says so, or when it was not heard for six
seconds in which this process *listened*: the time while NATS is away does not count, nor the time in which this process
was stopped or too busy to hear. So nobody is given up for a fault that is our own.
"""

from __future__ import annotations

from typing import Final, final

from freestone.call import Address

from .announcement import Announcement

BEAT: Final = 2.0
"""Seconds between two announcements of a process."""
SILENCE: Final = 6.0
"""Seconds of listening after which a process that was not heard is gone."""
TICK: Final = 0.5
"""Seconds between two looks at the time."""


@final
class Roster:
    """The processes of an application that were heard, each with the time when it was heard last."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[Announcement, float]] = {}
        self._known: set[str] = set()
        self._listened = 0.0
        self._last: float | None = None

    def hear(self, announcement: Announcement) -> bool:
        """Note that a process is there. Return whether anybody's addresses changed by it."""
        before = self._heard.get(announcement.instance)
        self._heard[announcement.instance] = (announcement, self._listened)
        self._known.add(announcement.process)
        return before is None or before[0].addresses != announcement.addresses

    def leave(self, instance: str) -> bool:
        """Note that a process goes. Return whether it was known."""
        return self._heard.pop(instance, None) is not None

    def tick(self, now: float, connected: bool) -> list[Announcement]:
        """Let time pass until ``now``, and return those who are gone since. Call it every ``TICK`` seconds."""
        passed = 0.0 if self._last is None else max(0.0, now - self._last)
        self._last = now
        if connected:
            self._listened += min(passed, 2 * TICK)
        gone = [each for each, heard in self._heard.values() if self._listened - heard >= SILENCE]
        for announcement in gone:
            del self._heard[announcement.instance]
        return gone

    def forgive(self) -> None:
        """Give everybody the whole time again, as after a connection was made anew."""
        self._heard = {name: (each, self._listened) for name, (each, _) in self._heard.items()}

    def addresses(self, process: str) -> tuple[Address, ...]:
        """Return where the replicas of a process are, in an order that stays."""
        found = [each for each, _ in self._heard.values() if each.process == process]
        found.sort(key=lambda each: each.instance)
        return tuple(dict.fromkeys(address for each in found for address in each.reached_at()))

    def has_known(self, process: str) -> bool:
        """Whether a process of that name was ever heard."""
        return process in self._known
