"""Work apart from the handler that waits for it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def apart(work: Coroutine[Any, Any, T]) -> T:
    """Do some work in no handler's name: a transaction that it opens is its own, and over when this returns.

    The handler's own transaction, once begun, is open until the handler ends. So what a handler has to look up before
    something slow, as a hash or a mail server, is looked up like this.
    """
    return await asyncio.create_task(work, context=contextvars.Context())
