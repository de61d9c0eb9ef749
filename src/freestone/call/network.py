"""The seam to what carries bytes: the sockets of this machine, or a pair of pipes in memory."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol, TypeAlias, final

from .address import Address, MemoryAddress, TcpAddress, UnixAddress

ProtocolFactory: TypeAlias = Callable[[], asyncio.Protocol]

_KEEP: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""Leave the file of a socket that was bound elsewhere: it belongs to who bound it, and a successor may need it."""

_BACKLOG: Final = 1024
"""Connections that may wait to be accepted."""


class Listener(Protocol):
    """A place where connections are accepted."""

    @property
    def address(self) -> Address:
        """Where, as a caller dials it."""
        ...

    def close(self) -> None:
        """Accept no more; connections that were accepted stay."""
        ...


class Network(Protocol):
    """Opens and accepts streams of bytes."""

    async def dial(self, address: Address, factory: ProtocolFactory) -> None:
        """Open a stream and give it to a new protocol. Raises OSError if nobody answers."""
        ...

    async def listen(self, where: Address | socket.socket, factory: ProtocolFactory) -> Listener:
        """Give each stream that is opened there to a new protocol. Raises OSError."""
        ...


@final
class SocketNetwork:
    """The sockets of this machine: Unix and TCP."""

    async def dial(self, address: Address, factory: ProtocolFactory) -> None:
        loop = asyncio.get_running_loop()
        match address:
            case UnixAddress(path):
                await loop.create_unix_connection(factory, path)
            case TcpAddress(host, port):
                await loop.create_connection(factory, host, port)
            case MemoryAddress():
                raise OSError(f"{address} is no socket; dial it on the MemoryNetwork that has it")

    async def listen(self, where: Address | socket.socket, factory: ProtocolFactory) -> Listener:
        loop = asyncio.get_running_loop()
        match where:
            case UnixAddress(path):
                server = await loop.create_unix_server(factory, path, backlog=_BACKLOG)
                return _Listener(server, where, _inode(path))
            case TcpAddress(host, port):
                server = await loop.create_server(factory, host, port, backlog=_BACKLOG)
                bound = server.sockets[0].getsockname()
                return _Listener(server, TcpAddress(host, bound[1]))
            case MemoryAddress():
                raise OSError(f"{where} is no socket; listen on a MemoryNetwork")
            case _:
                name = where.getsockname()
                if where.family == socket.AF_UNIX:
                    server = await loop.create_unix_server(factory, sock=where, backlog=_BACKLOG, **_KEEP)
                    return _Listener(server, UnixAddress(name))
                server = await loop.create_server(factory, sock=where, backlog=_BACKLOG)
                return _Listener(server, TcpAddress(name[0], name[1]))


def _inode(path: str) -> int:
    return os.stat(path).st_ino


@final
class _Listener:
    """A server of the event loop. A socket file that it made goes with it, unless somebody has put another there."""

    def __init__(self, server: asyncio.AbstractServer, address: Address, inode: int | None = None) -> None:
        self.address = address
        self._server = server
        self._inode = inode

    def close(self) -> None:
        self._server.close()
        if self._inode is not None and isinstance(self.address, UnixAddress):
            with suppress(FileNotFoundError):
                found = os.stat(self.address.path)
                if stat.S_ISSOCK(found.st_mode) and found.st_ino == self._inode:
                    os.unlink(self.address.path)
            self._inode = None
