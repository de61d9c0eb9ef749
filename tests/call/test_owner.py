"""Unix sockets are spoken on by one user, and root."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from freestone.call import Dispatcher, Pool, Server, SocketNetwork, StaticResolver, UnixAddress, WireTransport, client
from freestone.contract import Contract, query
from freestone.errors import Unavailable
from freestone.service import deadline
from freestone.signals import SIGNALS, PeerRefused, Signal
from freestone.wire import Goodbye, Hello, Reason
from freestone.wire.codec import COUNTED, decode

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user for a while")
NOBODY = 65534
HELLO = Hello(application="academy", process="catalog", instance="1")


class Catalog(Contract):
    """Has paths."""

    @query
    async def paths(self) -> int:
        """Return how many."""


class Paths(Catalog):
    async def paths(self) -> int:
        return 1


@pytest.fixture
def directory() -> Iterator[Path]:
    """One that everybody may enter, as a private one should not be."""
    with tempfile.TemporaryDirectory(prefix="fs-") as name:
        os.chmod(name, 0o777)
        yield Path(name)


CALLS = """
import os, socket, sys
os.setuid(65534)
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
sock.settimeout(10)
while data := sock.recv(4096):
    sys.stdout.buffer.write(data)
"""
LISTENS = """
import os, socket, sys
os.setuid(65534)
sock = socket.socket(socket.AF_UNIX)
sock.bind(sys.argv[1])
sock.listen()
print("listening", flush=True)
sys.stdin.read()
"""


@contextlib.asynccontextmanager
async def stranger(script: str, path: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a script as another user, until the end of its standard input."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, path, stdin=pipe, stdout=pipe)
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 20)


async def test_a_caller_of_another_user_is_refused(directory: Path) -> None:
    """With a sentence on both sides, before it can say anything."""
    address = UnixAddress(str(directory / "s"))
    server = Server(Dispatcher({"catalog": Paths()}), HELLO)
    await server.listen(address)
    os.chmod(address.path, 0o777)
    signals: list[Signal] = []
    SIGNALS.subscribe(signals.append)

    try:
        async with stranger(CALLS, address.path) as process:
            assert process.stdout is not None
            received = await asyncio.wait_for(process.stdout.read(), 20)
    finally:
        SIGNALS.unsubscribe(signals.append)
        await server.close()
    problem = (
        f"the process at the other end runs as the user {NOBODY}, and this process runs as 0: "
        "only they and root may speak here"
    )
    goodbye = decode(received[4], 0, received[4 + COUNTED :])
    assert goodbye == Goodbye(Reason.IDENTITY, problem, 0)
    [refusal] = [each for each in signals if isinstance(each, PeerRefused)]
    assert (refusal.peer, refusal.reason) == ("a process of this machine", problem)


async def refusal(address: UnixAddress) -> str:
    pool = Pool(HELLO, StaticResolver({"catalog": [address]}), random=random.Random(1))
    try:
        with pytest.raises(Unavailable) as caught:
            async with deadline(2):
                await client(Catalog, WireTransport(pool, "catalog", "catalog")).paths()
    finally:
        await pool.close()
    return str(caught.value).partition(f"{address}: ")[2]


async def test_a_socket_file_of_another_user_is_not_dialled(directory: Path) -> None:
    """Whoever put it there could be anybody; nothing is sent to it."""
    address = UnixAddress(str(directory / "s"))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(address.path)
        sock.listen()
        os.chown(address.path, NOBODY, NOBODY)
        assert await refusal(address) == (
            f"{address.path} belongs to the user {NOBODY}, and this process runs as 0: "
            "only they and root may speak here"
        )
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.accept()


async def test_a_callee_of_another_user_is_refused(directory: Path) -> None:
    """Though its file is said to be root's."""
    address = UnixAddress(str(directory / "s"))
    async with stranger(LISTENS, address.path) as process:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"listening\n"
        os.chown(address.path, 0, 0)
        problem = await refusal(address)
    assert problem == (
        f"the process at the other end runs as the user {NOBODY}, and this process runs as 0: "
        "only they and root may speak here"
    )


async def test_one_user_is_enough(directory: Path) -> None:
    """Who runs both ends."""
    address = UnixAddress(str(directory / "s"))
    server = Server(Dispatcher({"catalog": Paths()}), HELLO)
    await server.listen(address)
    pool = Pool(HELLO, StaticResolver({"catalog": [address]}), random=random.Random(1), network=SocketNetwork())
    assert await client(Catalog, WireTransport(pool, "catalog", "catalog")).paths() == 1
    await pool.close()
    await server.close()
