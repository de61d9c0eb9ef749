"""Leases in memory, kept to the rules of the seam: a fake with a clock that a test controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from freestone.clock import Clock
from freestone.lease import Held


@final
@dataclass(slots=True)
class _Entry:
    token: int = 0
    holder: str = ""
    expiry: float = 0.0


@final
class MemoryLeases:
    """A ``LeaseStore`` for tests. It passes ``conformance.lease``.

    >>> from freestone.lease import Leases
    >>> from freestone.testing import FakeClock
    >>> clock = FakeClock()
    >>> leases = Leases(MemoryLeases(clock), clock)
    """

    def __init__(self, clock: Clock) -> None:
        self.fails: Exception | None = None
        """What every request raises, while there is something."""
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    async def acquire(self, name: str, holder: str, seconds: float) -> int | Held:
        self._fail()
        entry = self._entries.setdefault(name, _Entry())
        now = self._clock.monotonic()
        if entry.holder and now < entry.expiry:
            return Held(entry.holder)
        self._entries[name] = entry = _Entry(entry.token + 1, holder, now + seconds)
        return entry.token

    async def renew(self, name: str, token: int, seconds: float) -> bool:
        self._fail()
        entry = self._entries.get(name)
        if entry is None or not entry.holder or entry.token != token:
            return False
        entry.expiry = self._clock.monotonic() + seconds
        return True

    async def release(self, name: str, token: int) -> None:
        self._fail()
        entry = self._entries.get(name)
        if entry is not None and entry.token == token:
            entry.holder = ""

    def _fail(self) -> None:
        if self.fails is not None:
            raise self.fails
