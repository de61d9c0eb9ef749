"""Bytes that are on their way before the turn of the loop is over.

uvloop collects what is written in a turn and writes it at the end. Where many calls are under way at once, that has
the two ends work in turns: a callee answers all that came before its caller hears of the first, and then waits for all
that the caller makes of the answers. So in the middle of such a turn what there is so far is written, past the
transport, and both ends work at the same time. It stays in order, because that is done only while the transport holds
nothing.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

EARLY: Final = 8
"""Frames that are worth a system call of their own in the middle of a turn."""
PARTS: Final = 4
"""Parts in which the calls in flight go where these have more frames: enough for both ends to work at a time."""

WRAPS: Final = "wraps"
"""The extra of a transport that changes or delays what is written to it, before it comes to its socket."""


def descriptor_of(transport: asyncio.BaseTransport) -> int | None:
    """Return the descriptor to which the transport writes its bytes as they are; None if it does not, or has none."""
    sock = transport.get_extra_info("socket")
    if sock is None or transport.get_extra_info(WRAPS):
        return None
    descriptor: int = sock.fileno()
    return descriptor


def write_now(transport: asyncio.Transport, descriptor: int, data: bytes) -> None:
    """Have the system take as much as it does at once, and give the rest to the transport, which must hold nothing."""
    try:
        written = os.write(descriptor, data)
    except OSError:  # it takes nothing now; or never again, which the transport finds out and reports
        written = 0
    if written < len(data):
        transport.write(data[written:])
