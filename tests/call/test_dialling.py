"""Connecting to a host that may not answer."""

from __future__ import annotations

import asyncio
import socket

import pytest

from freestone.call.dialling import connected, first


class Attempts:
    """Attempts to connect, each of which ends when the test says so."""

    def __init__(self) -> None:
        self.made: list[asyncio.Future[socket.socket]] = []
        self.more = asyncio.Event()

    def begin(self) -> asyncio.Future[socket.socket]:
        attempt: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        self.made.append(attempt)
        self.more.set()
        return attempt

    async def until(self, count: int) -> None:
        """Wait until there were so many."""
        async with asyncio.timeout(10):
            while len(self.made) < count:
                self.more.clear()
                await self.more.wait()


async def test_an_attempt_without_an_answer_gets_another_one_beside_it() -> None:
    """The first to be answered is the connection, be it the older or the newer; the other is ended."""
    for answered in (0, 1):
        attempts = Attempts()
        task = asyncio.ensure_future(first(attempts.begin, 0.01))
        await attempts.until(2)
        with socket.socket() as sock:
            attempts.made[answered].set_result(sock)
            assert await task is sock
            assert sock.fileno() >= 0
        assert attempts.made[1 - answered].cancelled()


async def test_one_that_is_answered_too_is_closed() -> None:
    """Two answers in one turn of the loop."""
    attempts = Attempts()
    task = asyncio.ensure_future(first(attempts.begin, 0.01))
    await attempts.until(2)
    both = socket.socket(), socket.socket()
    for attempt, sock in zip(attempts.made, both, strict=False):
        attempt.set_result(sock)
    with await task as winner:
        assert sorted(sock.fileno() >= 0 for sock in both) == [False, True]
        assert winner.fileno() >= 0


async def test_few_are_under_way_at_a_time() -> None:
    """The oldest makes room."""
    attempts = Attempts()
    task = asyncio.ensure_future(first(attempts.begin, 0.001))
    await attempts.until(7)
    open_ones = [number for number, attempt in enumerate(attempts.made) if not attempt.done()]
    assert len(open_ones) <= 4
    assert open_ones[-1] == len(attempts.made) - 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all(attempt.cancelled() for attempt in attempts.made)


async def test_a_refusal_is_an_answer() -> None:
    """The host is there, and nobody listens."""
    attempts = Attempts()
    task = asyncio.ensure_future(first(attempts.begin, 0.01))
    await attempts.until(2)
    attempts.made[1].set_exception(ConnectionRefusedError("nobody listens"))
    with pytest.raises(ConnectionRefusedError, match="nobody listens"):
        await task
    assert attempts.made[0].cancelled()


async def test_every_address_of_a_host_is_tried() -> None:
    """As localhost has two, and a server may listen on one of them."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            with await connected(loop, host, server.getsockname()[1]) as sock:
                assert sock.getpeername() == server.getsockname()


async def test_a_host_that_nobody_knows_is_an_error() -> None:
    """As it is one of the operating system."""
    with pytest.raises(socket.gaierror):
        await connected(asyncio.get_running_loop(), "nobody.invalid", 1)
