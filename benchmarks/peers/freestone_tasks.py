"""Freestone's wire as it would be with a task for every call: what a handler that waits is measured against."""

from __future__ import annotations

from freestone.call import server
from freestone.call.starter import PlainStarter

from .freestone_unix import connect as connect
from .freestone_unix import serve_at


async def serve(address: str) -> None:
    """Answer until cancelled."""
    server.starter = PlainStarter
    await serve_at(f"unix://{address}")
