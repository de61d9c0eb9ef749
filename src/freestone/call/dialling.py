"""Connects to a host, and finds soon that it can be reached again.

The system repeats what begins a connection after 1, 3 and 7 s. A network that heals in between would not be noticed for
that long; so an attempt that has no answer gets another one beside it, and the first that is answered is the
connection. The older ones go on, as the way may be long.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

_AGAIN: Final = 0.4
"""Seconds after which an attempt gets another one beside it."""
_BESIDE: Final = 4
"""Attempts under way at a time: an answer has as many times ``_AGAIN`` to come."""

Found: TypeAlias = "tuple[Any, Any, int, str, Any]"


async def connected(loop: asyncio.AbstractEventLoop, host: str, port: int) -> socket.socket:
    """Return a socket that is connected to that host. Raises OSError if it refuses, or if nobody knows it."""
    found = await _found(loop, host, port)
    return await first(lambda: _attempt(loop, found), _AGAIN)


async def first(begin: Callable[[], Awaitable[socket.socket]], again: float) -> socket.socket:
    """Begin, and begin once more beside it each time that so many seconds pass in vain; return what is there first.

    The others are ended. Raises what the first that fails has raised.
    """
    attempts: list[asyncio.Future[socket.socket]] = []
    try:
        while True:
            attempts.append(asyncio.ensure_future(begin()))
            done, _ = await asyncio.wait(attempts, timeout=again, return_when=asyncio.FIRST_COMPLETED)
            if done:
                winner = next((it for it in done if it.exception() is None), None) or next(iter(done))
                attempts.remove(winner)
                return winner.result()
            if len(attempts) == _BESIDE:
                await _end([attempts.pop(0)])
    finally:
        await _end(attempts)


async def _end(attempts: Sequence[asyncio.Future[socket.socket]]) -> None:
    """End attempts that are not needed, and close what they have come to."""
    for attempt in attempts:
        attempt.cancel()
    for outcome in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(outcome, socket.socket):
            outcome.close()


async def _found(loop: asyncio.AbstractEventLoop, host: str, port: int) -> Sequence[Found]:
    """Return the addresses of a host. One that is an address itself is asked of nobody."""
    kind = socket.SOCK_STREAM
    try:
        return socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)
    except socket.gaierror:
        return await loop.getaddrinfo(host, port, type=kind)


async def _attempt(loop: asyncio.AbstractEventLoop, found: Sequence[Found]) -> socket.socket:
    """Connect to one address after the other. Raises OSError if none of them takes it."""
    failure: OSError | None = None
    for family, kind, protocol, _, address in found:
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:  # a family that this machine does not have
            failure = error
            continue
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure or OSError("it has no address")
