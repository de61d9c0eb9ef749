"""Whose turn it is to run a tick.

Each replica may run a tick, and the database lets one take effect. So that the others do not do the work for nothing,
whoever runs one takes a lease first, and keeps it until the tick is settled; when its process dies another goes on
after the lease's seconds. The lease is a courtesy: work under it is not ended when it is lost, as on SQLite the work's
own transaction may be what keeps the heartbeat out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncGenerator

from freestone.clock import Clock
from freestone.errors import FreestoneError
from freestone.lease import Held, LeaseStore

_log = logging.getLogger("freestone.schedule")

SECONDS = 5.0
"""After which another replica goes on when the process of one has died."""


@contextlib.asynccontextmanager
async def turn(store: LeaseStore, name: str, clock: Clock) -> AsyncGenerator[bool]:
    """Give a block the turn under that name if nobody else has it; the block hears whether."""
    token = await store.acquire(name, f"process {os.getpid()} on {socket.gethostname()}", SECONDS)
    if isinstance(token, Held):
        yield False
        return
    keeper = asyncio.create_task(_keep(store, name, token, clock), name=f"turn {name}")
    try:
        yield True
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])
        try:
            await store.release(name, token)
        except FreestoneError as error:
            _log.warning("the turn %s could not be given back, and is free in its time: %s", name, error)


async def _keep(store: LeaseStore, name: str, token: int, clock: Clock) -> None:
    while True:
        await clock.sleep(SECONDS / 3)
        try:
            if not await store.renew(name, token, SECONDS):
                return
        except FreestoneError as error:
            _log.debug("the turn %s was not renewed: %s", name, error)
