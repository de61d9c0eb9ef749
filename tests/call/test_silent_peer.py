"""A peer that says nothing: dead, cut off, or only busy. Real sockets, and real processes where one is to be busy."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable

import pytest

from freestone.call import (
    Address,
    Dispatcher,
    Policies,
    Pool,
    Server,
    StaticResolver,
    TcpAddress,
    UnixAddress,
    WireTransport,
    client,
    parse_address,
)
from freestone.call.connection import PeerConnection
from freestone.contract import Contract, command, query
from freestone.testing.proxy import CLEAR, Flow, Proxy, proxied
from freestone.wire import Hello, Limits

BUSY = 3.0
"""Seconds that a peer may be busy, as ``docs/wire.md`` has it."""
FOUND = 5.0
"""Seconds in which a dead peer is found."""
STALLED = Flow(stalled=True)


class Desk(Contract):
    """Is silent at times."""

    @query
    async def ask(self) -> int:
        """Return a number."""

    @command
    async def halt(self, seconds: float) -> int:
        """Do what no handler should: hold the event loop."""


class DeskService(Desk):
    async def ask(self) -> int:
        return 1

    async def halt(self, seconds: float) -> int:
        time.sleep(seconds)  # noqa: ASYNC251 - this is the point
        return 1


class Caller:
    """A pool of its own, with the connection that it has had first."""

    def __init__(self, address: Address, limits: Limits | None = None) -> None:
        hello = Hello(application="academy", process="edge", instance="1")
        self.pool = Pool(hello, StaticResolver({"desk": [address]}), random=random.Random(1), limits=limits)
        self.desk = client(Desk, WireTransport(self.pool, "desk", "desk", Policies(deadline=10.0)))
        self.first: PeerConnection

    async def connect(self) -> Caller:
        assert await self.desk.ask() == 1
        connection = self.pool.peer("desk").pick()
        assert connection is not None
        self.first = connection
        return self


@contextlib.asynccontextmanager
async def calling(address: Address, limits: Limits | None = None) -> AsyncGenerator[Caller]:
    caller = Caller(address, limits)
    try:
        yield await caller.connect()
    finally:
        await caller.pool.close()


@contextlib.asynccontextmanager
async def serving(where: Address) -> AsyncGenerator[Server]:
    server = Server(Dispatcher({"desk": DeskService()}), Hello(application="academy", process="desk", instance="1"))
    try:
        await server.listen(where)
        yield server
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def through_a_proxy(limits: Limits | None = None) -> AsyncGenerator[tuple[Server, Proxy, Caller]]:
    server = Server(Dispatcher({"desk": DeskService()}), Hello(application="academy", process="desk", instance="1"))
    address = await server.listen(TcpAddress("127.0.0.1", 0))
    try:
        async with proxied(address) as proxy, calling(proxy.address, limits) as caller:
            yield server, proxy, caller
    finally:
        await server.close()


async def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - it is no event that is waited for
            await asyncio.sleep(0.005)


# --- dead


@pytest.mark.parametrize("ways", ["there", "back", "both"])
async def test_an_idle_peer_that_is_cut_off_is_found_within_five_seconds(ways: str) -> None:
    """At both ends, by silence alone: nothing is reset, and nobody calls."""
    async with through_a_proxy() as (server, proxy, caller):
        (session,) = server._sessions
        began = asyncio.get_running_loop().time()
        if ways != "back":
            proxy.there = STALLED
        if ways != "there":
            proxy.back = STALLED
        await until(lambda: caller.first.closed.done() and session.link.closing, FOUND)
        assert asyncio.get_running_loop().time() - began > BUSY
        proxy.both(CLEAR)
        assert await caller.desk.ask() == 1


# --- in doubt


async def test_a_peer_that_comes_back_in_time_keeps_its_idle_connection() -> None:
    """It is not called while it is in doubt, and not replaced: nobody asked for it."""
    async with through_a_proxy(Limits(ping=0.1, idle=9)) as (_, proxy, caller):
        proxy.both(STALLED)
        await until(lambda: not caller.first.ready)
        assert not caller.first.gone.done()
        proxy.both(CLEAR)
        await until(lambda: caller.first.ready)
        assert await caller.desk.ask() == 1
        assert proxy.accepted == 1


async def test_a_call_to_a_peer_in_doubt_takes_a_new_connection() -> None:
    """Whose network may be whole, where that of the first is not."""
    async with through_a_proxy(Limits(ping=0.1, idle=9)) as (_, proxy, caller):
        proxy.both(STALLED)
        await until(lambda: not caller.first.ready)
        call = asyncio.ensure_future(caller.desk.ask())
        await until(lambda: proxy.accepted == 2)
        assert caller.first.gone.result() == "desk gives no sign of life"
        proxy.both(CLEAR)
        assert await call == 1


# --- busy


@contextlib.asynccontextmanager
async def another_process(address: UnixAddress, here: UnixAddress) -> AsyncGenerator[None]:
    """One that serves a desk, and has a connection to the desk here."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, str(address), str(here), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"ready\n"
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_a_peer_that_is_busy_for_three_seconds_loses_no_connection() -> None:
    """It answers nothing meanwhile: to those who called it, to those who did not, and to whom it calls itself."""
    with tempfile.TemporaryDirectory(prefix="fs-") as directory:
        there, here = UnixAddress(f"{directory}/there"), UnixAddress(f"{directory}/here")
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(serving(here))
            await stack.enter_async_context(another_process(there, here))
            (session,) = server._sessions
            idle = []
            for _ in range(8):  # each of which looks after it at other moments
                idle.append(await stack.enter_async_context(calling(there)))
                await asyncio.sleep(0.13)
            busy = await stack.enter_async_context(calling(there))
            assert await busy.desk.halt(BUSY) == 1
            assert not session.link.closing
            assert [caller.first.gone.done() for caller in idle] == [False] * 8
            await until(lambda: all(caller.first.ready for caller in idle))
            for caller in idle:
                assert await caller.desk.ask() == 1
            assert [caller.pool.peer("desk").pick() for caller in idle] == [caller.first for caller in idle]


async def _serve(there: Address, here: Address) -> None:
    async with serving(there), calling(here):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(parse_address(sys.argv[1]), parse_address(sys.argv[2])))
