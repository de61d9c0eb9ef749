"""Cancellation, where a library keeps it to itself.

nats-py waits with ``asyncio.wait_for``. Until Python 3.12 that returns the result and forgets the cancellation when
both come in the same turn of the loop. A task that was cancelled then goes on as if nothing had been, and whoever waits
for its end waits for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def heeding(work: Awaitable[T]) -> T:
    """Await something, and raise CancelledError if the task was cancelled meanwhile, whatever came of it."""
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    try:
        result = await work
    except Exception as error:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError from error
        raise
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
    return result
