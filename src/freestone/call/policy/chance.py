"""Chance for what is decided many times a second and need not be secret."""

from __future__ import annotations

from typing import final

from freestone.clock import Random


@final
class QuickChance:
    """Draws small numbers from a seed: a linear congruential generator (Numerical Recipes, 1992).

    The system's source of chance, fit for secrets, costs a system call for each number.
    """

    __slots__ = ("_state",)

    def __init__(self, random: Random) -> None:
        self._state = int.from_bytes(random.randbytes(4), "big")

    def below(self, limit: int) -> int:
        """Return an integer in [0, limit), for a limit of at most 65536."""
        self._state = state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return ((state >> 16) * limit) >> 16
