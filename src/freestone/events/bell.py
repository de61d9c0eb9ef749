"""A bell: wakes all who wait for it, and is heard by none who did not listen."""

from __future__ import annotations

import asyncio
from typing import final


@final
class Bell:
    """Rings in this process. Whoever wants to miss nothing takes the event first, looks then, and waits last.

    >>> async def look(bell):
    ...     rung = bell.listen()
    ...     ...  # look whether there is something to do
    ...     await rung.wait()
    """

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def listen(self) -> asyncio.Event:
        """Return the event that the next ring sets."""
        return self._rung

    def ring(self) -> None:
        """Wake those who listen."""
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()


async def rung_within(rung: asyncio.Event, seconds: float) -> bool:
    """Wait until the bell rings, at most that many seconds. Returns whether it did."""
    try:
        async with asyncio.timeout(seconds):
            await rung.wait()
    except TimeoutError:
        return False
    return True
