"""Who is at the other end of a Unix socket: the user of this process, or root, and nobody else.

The directory of the sockets is private already. This holds too where somebody has opened it, or has put a socket of
their own in the place of one that is gone.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, Final, cast, final

from freestone.wire import Goodbye, Reason, encode

from .tls import refused

_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid


def stranger_at_path(path: str) -> str:
    """Return what is wrong with the owner of a socket's file; empty if nothing is. Raises OSError if there is none."""
    return _stranger(os.stat(path).st_uid, f"{path} belongs to")


def stranger_at_socket(sock: Any) -> str:
    """Return what is wrong with the user at the other end of a connected Unix socket; empty if nothing is."""
    user = _user_of(sock)
    return "" if user is None else _stranger(user, "the process at the other end runs as")


def _user_of(sock: Any) -> int | None:
    if sys.platform != "linux":
        return None  # there the file's owner is all that is looked at
    _, user, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(user)


def _stranger(user: int, what: str) -> str:
    if user in (os.geteuid(), 0):
        return ""
    return f"{what} the user {user}, and this process runs as {os.geteuid()}: only they and root may speak here"


@final
class OwnerCheck(asyncio.Protocol):
    """Stands at the door of a Unix socket, and makes way for the protocol of ``factory`` if the caller may come in."""

    def __init__(self, factory: Callable[[], asyncio.Protocol]) -> None:
        self._factory = factory

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        if stranger := stranger_at_socket(transport.get_extra_info("socket")):
            refused(transport, stranger)
            transport.write(encode(Goodbye(Reason.IDENTITY, stranger, 0)))
            transport.close()
            return
        protocol = self._factory()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
