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

from freestone.errors import ConfigurationError, Mistake

from .address import Address, MemoryAddress, TcpAddress, UnixAddress, is_loopback
from .credentials import Proof
from .dialling import connected
from .owner import OwnerCheck, stranger_at_path, stranger_at_socket
from .tls import Accepting, Dialling, TlsEnd

ProtocolFactory: TypeAlias = Callable[[], asyncio.Protocol]

_KEEP: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""Leave the file of a socket that was bound elsewhere: it belongs to who bound it, and a successor may need it."""

_BACKLOG: Final = 1024
"""Connections that may wait to be accepted."""
_UNPROVED: Final = 256
"""Connections to a listener that may be in the middle of a handshake of TLS."""

IN_THE_CLEAR: Final = "it is reached from other machines, and nothing there is encrypted or proves who it is"
HOW_TO_PROVE: Final = (
    "declare [tls], for which `freestone certificates` makes what is needed in development; "
    "or write plaintext = true for the process, if its network is one that you trust"
)


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
    """The sockets of this machine: Unix, where the user at the other end is checked, and TCP, with mutual TLS.

    ``proof`` is what this process proves itself with. Without it TCP is not encrypted and asks nobody who they are; it
    listens on a loopback alone then, unless ``plaintext`` says that this is meant.
    """

    def __init__(self, proof: Proof | None = None, *, plaintext: bool = False, handshake: float = 5.0) -> None:
        """``handshake`` is how many seconds a caller has to prove who it is."""
        self._proof = proof
        self._plaintext = plaintext
        self._handshake = handshake

    async def dial(self, address: Address, factory: ProtocolFactory) -> None:
        loop = asyncio.get_running_loop()
        match address:
            case UnixAddress(path):
                await _dial_unix(loop, path, factory)
            case TcpAddress(host, port) if self._proof is not None:
                await _dial_tls(loop, self._proof, host, port, factory)
            case TcpAddress(host, port):
                await loop.create_connection(factory, sock=await connected(loop, host, port))
            case MemoryAddress():
                raise OSError(f"{address} is no socket; dial it on the MemoryNetwork that has it")

    async def listen(self, where: Address | socket.socket, factory: ProtocolFactory) -> Listener:
        """Accept there. Raises OSError; and ConfigurationError for what others reach, and is not to be in the clear."""
        loop = asyncio.get_running_loop()
        match where:
            case UnixAddress(path):
                server = await loop.create_unix_server(lambda: OwnerCheck(factory), path, backlog=_BACKLOG)
                return _Listener(server, where, _inode(path))
            case TcpAddress(host, port):
                door = self._door(host, port, factory)
                server = await loop.create_server(door.accept, host, port, backlog=_BACKLOG)
                bound = server.sockets[0].getsockname()
                return _Listener(server, TcpAddress(host, bound[1]), door=door)
            case MemoryAddress():
                raise OSError(f"{where} is no socket; listen on a MemoryNetwork")
            case _:
                name = where.getsockname()
                if where.family == socket.AF_UNIX:
                    server = await loop.create_unix_server(
                        lambda: OwnerCheck(factory), sock=where, backlog=_BACKLOG, **_KEEP
                    )
                    return _Listener(server, UnixAddress(name))
                door = self._door(name[0], name[1], factory)
                server = await loop.create_server(door.accept, sock=where, backlog=_BACKLOG)
                return _Listener(server, TcpAddress(name[0], name[1]), door=door)

    def _door(self, host: str, port: int, factory: ProtocolFactory) -> _Door:
        if self._proof is not None:
            return Accepting(self._proof, factory, self._handshake, _UNPROVED)
        if not self._plaintext and not is_loopback(host):
            address = TcpAddress(host, port)
            raise ConfigurationError([Mistake(f"address {address}", IN_THE_CLEAR, HOW_TO_PROVE)])
        return _Open(factory)


async def _dial_unix(loop: asyncio.AbstractEventLoop, path: str, factory: ProtocolFactory) -> None:
    if stranger := stranger_at_path(path):
        raise OSError(stranger)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, path)
        # The file may have been replaced since it was looked at; who is there now can't be.
        if stranger := stranger_at_socket(sock):
            raise OSError(stranger)
        await loop.create_unix_connection(factory, sock=sock)
    except BaseException:
        sock.close()
        raise


async def _dial_tls(
    loop: asyncio.AbstractEventLoop, proof: Proof, host: str, port: int, factory: ProtocolFactory
) -> None:
    door = Dialling()
    try:
        sock = await connected(loop, host, port)
        _, end = await loop.create_connection(lambda: TlsEnd(proof, factory, server_side=False, door=door), sock=sock)
        try:
            await door.outcome
        except asyncio.CancelledError:
            end.give_up("it took too long")
            raise
    finally:
        door.close()


class _Door(Protocol):
    """Where a listener's connections come in."""

    def accept(self) -> asyncio.Protocol:
        """Return the protocol of a connection that has come in."""
        ...

    def close(self) -> None:
        """End those that have not come in yet."""
        ...


@final
class _Open:
    """Lets everybody in."""

    def __init__(self, factory: ProtocolFactory) -> None:
        self.accept = factory

    def close(self) -> None: ...


def _inode(path: str) -> int:
    return os.stat(path).st_ino


@final
class _Listener:
    """A server of the event loop. A socket file that it made goes with it, unless somebody has put another there."""

    def __init__(
        self, server: asyncio.AbstractServer, address: Address, inode: int | None = None, door: _Door | None = None
    ) -> None:
        self.address = address
        self._door = door
        self._server = server
        self._inode = inode

    def close(self) -> None:
        self._server.close()
        if self._door is not None:
            self._door.close()
        if self._inode is not None and isinstance(self.address, UnixAddress):
            with suppress(FileNotFoundError):
                found = os.stat(self.address.path)
                if stat.S_ISSOCK(found.st_mode) and found.st_ino == self._inode:
                    os.unlink(self.address.path)
            self._inode = None
