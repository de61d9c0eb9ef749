"""What others hear of takes its time: it is asked for until it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

PATIENCE: Final = 90.0
"""Seconds. An event is there in milliseconds; one that failed is tried again after seconds, and machines are slow."""
_STEP: Final = 0.1


async def eventually(ask: Callable[[], Awaitable[T]], is_right: Callable[[T], bool]) -> T:
    """Return the first answer that is right. Raises AssertionError with the last one if none is."""
    until = asyncio.get_running_loop().time() + PATIENCE
    while not is_right(answer := await ask()):
        assert asyncio.get_running_loop().time() < until, f"it never came to be; the last answer: {answer!r}"
        await asyncio.sleep(_STEP)
    return answer
