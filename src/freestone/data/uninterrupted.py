"""Work that is never left half done.

A statement runs in a thread, and goes on there when the task that waits for it is cancelled. To give the connection
back at that moment would hand the next one a connection in the middle of something; to throw it away would cost a
new one, and leave its locks held until the thread comes round. So the work runs in a task of its own, which is
asked to hurry and is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


async def uninterrupted(work: Coroutine[Any, Any, _T], hurry: Callable[[], None] | None = None) -> _T:
    """Return what the work returns, or raise what it raises, and leave only when it has ended.

    When the caller is cancelled meanwhile, ``hurry`` is called, and CancelledError raised once the work is over;
    what the work came to is then dropped.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
            if hurry is not None:
                hurry()
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # taken note of, so that the loop does not report it as forgotten
    raise cancelled
