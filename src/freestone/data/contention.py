"""Those whose transactions have lost a race try again one after the other.

Of many that want the same row at once, one commits and the database takes the others back. Waits by chance part them
for a moment, and then they meet again. So who has lost takes a turn before its next transaction begins, and has it
until that ends. It can still be beaten by a newcomer or by another process, and no longer by those who have lost as it
has.
"""

from __future__ import annotations

import asyncio
from typing import Final, final

PATIENCE: Final = 3.0
"""Seconds that a turn is waited for. Whoever has it may be slow for a reason of its own, or wait for this one."""


@final
class Contention:
    """The turns of one database, of which there is one at a time in a process. They come in the order of waiting."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def take(self, until: float) -> bool:
        """Wait for a turn, until that moment of the loop's time or until patience ends; return whether it was given.

        Who has it gives it back. Who has none goes on without.
        """
        latest = min(until, asyncio.get_running_loop().time() + PATIENCE)
        try:
            async with asyncio.timeout_at(latest):
                await self._lock.acquire()
        except TimeoutError:
            return False
        return True

    def give_back(self) -> None:
        """Let the next one have it."""
        self._lock.release()
