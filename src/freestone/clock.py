"""Everything nondeterministic, as a value that is passed in: time, chance and identity.

A service declares what it uses (``clock: Clock``) and is given the real one by the host, and one that it
controls by a test. Nothing else in an application should read the time or roll dice.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Protocol, TypeVar, final

_T = TypeVar("_T")


class Clock(Protocol):
    """Tells the time, and waits."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC. It may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment in the past. It never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        ...


class Random(Protocol):
    """Chance; the subset of ``random.Random`` that services need."""

    def random(self) -> float:
        """Return a number in [0, 1)."""
        ...

    def randint(self, a: int, b: int) -> int:
        """Return an integer in [a, b]."""
        ...

    def choice(self, seq: Sequence[_T], /) -> _T:
        """Return one element. Raises IndexError if there is none."""
        ...

    def randbytes(self, n: int) -> bytes:
        """Return n bytes, not to be guessed where the source is the system's."""
        ...


class Ids(Protocol):
    """Names that nothing else has."""

    def new(self) -> str:
        """Return a new identifier, 32 lower-case hexadecimal digits, later ones sorting after earlier ones."""
        ...


@final
class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@final
class SystemIds:
    """UUID version 7 (RFC 9562, section 5.7) as 32 hexadecimal digits: 48 bits of time, 74 of chance."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random

    def new(self) -> str:
        milliseconds = int(self._clock.now().timestamp() * 1000) & 0xFFFF_FFFF_FFFF
        chance = int.from_bytes(self._random.randbytes(10), "big")
        high = milliseconds << 16 | 0x7000 | chance >> 68
        low = 0x8000_0000_0000_0000 | chance & 0x3FFF_FFFF_FFFF_FFFF
        return f"{high << 64 | low:032x}"


def system_random() -> Random:
    """Return the operating system's source of chance, fit for secrets."""
    return random.SystemRandom()


_STOCK: Final[list[str]] = []
"""Trace ids that nobody has yet: to ask the operating system for each would be a fifth of a call."""
os.register_at_fork(after_in_child=_STOCK.clear)  # or a child would have the same as its parent


def trace_id() -> str:
    """Return a W3C trace id: 32 hexadecimal digits of chance."""
    try:
        return _STOCK.pop()
    except IndexError:
        chance = os.urandom(128 * 16).hex()
        _STOCK.extend(chance[start : start + 32] for start in range(32, len(chance), 32))
        return chance[:32]


def span_id() -> str:
    """Return a W3C span id: 16 hexadecimal digits of chance."""
    return trace_id()[:16]


KEY_MARK: Final = "k"
"""How an idempotency key begins that the framework has made."""
KEY_SIZE: Final = 32
"""How many characters it has."""


def call_key() -> str:
    """Return an idempotency key that no other command has: ``k`` and 31 hexadecimal digits of chance."""
    return KEY_MARK + trace_id()[1:]
