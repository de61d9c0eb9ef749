"""The sockets of this machine."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from freestone.call import MemoryAddress, SocketNetwork, TcpAddress, UnixAddress


class Accepted(asyncio.Protocol):
    """Closes each connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).close()  # that of uvloop is none by its class


class Dialled(asyncio.Protocol):
    """Notes its end."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


async def test_a_free_port_is_reported() -> None:
    """Port 0 is any; the listener says which it became."""
    network = SocketNetwork()
    listener = await network.listen(TcpAddress("127.0.0.1", 0), Accepted)
    assert isinstance(listener.address, TcpAddress)
    assert listener.address.port > 0
    dialled = Dialled()
    await network.dial(listener.address, lambda: dialled)
    await asyncio.wait_for(dialled.lost.wait(), 5)
    listener.close()


async def test_a_socket_that_was_bound_elsewhere_is_listened_on(directory: Path) -> None:
    """A supervisor binds, and hands down; then the file is its own to remove."""
    network = SocketNetwork()
    path = str(directory / "s")
    for family, where in ((socket.AF_UNIX, path), (socket.AF_INET, ("127.0.0.1", 0))):
        sock = socket.socket(family)
        sock.bind(where)
        listener = await network.listen(sock, Accepted)
        dialled = Dialled()
        await network.dial(listener.address, lambda it=dialled: it)
        await asyncio.wait_for(dialled.lost.wait(), 5)
        listener.close()
    assert os.path.exists(path)


async def test_a_socket_file_goes_with_its_listener(directory: Path) -> None:
    """No stale file is left that others would try."""
    address = UnixAddress(str(directory / "s"))
    listener = await SocketNetwork().listen(address, Accepted)
    assert os.path.exists(address.path)
    listener.close()
    assert not os.path.exists(address.path)
    listener.close()


async def test_a_successors_socket_file_stays(directory: Path) -> None:
    """Whoever has bound the same path since, keeps it."""
    network = SocketNetwork()
    address = UnixAddress(str(directory / "s"))
    first = await network.listen(address, Accepted)
    os.rename(address.path, directory / "old")
    second = await network.listen(address, Accepted)
    first.close()
    assert os.path.exists(address.path)
    second.close()


async def test_memory_addresses_are_elsewhere() -> None:
    """The sentence says where."""
    with pytest.raises(OSError, match="memory://x is no socket; dial it on the MemoryNetwork that has it"):
        await SocketNetwork().dial(MemoryAddress("x"), Dialled)
    with pytest.raises(OSError, match="memory://x is no socket; listen on a MemoryNetwork"):
        await SocketNetwork().listen(MemoryAddress("x"), Accepted)
