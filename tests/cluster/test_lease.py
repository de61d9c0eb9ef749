"""Leases in NATS."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from freestone.cluster import NatsConnection, NatsLeases
from freestone.errors import Unavailable
from freestone.lease import Held, LeaseLost, Leases
from freestone.testing.conformance.lease import CHECKS, Bench
from freestone.testing.nats import NatsServer

Connect = Callable[[], Awaitable[NatsConnection]]
Check = Callable[[Bench], Awaitable[None]]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_nats_keeps_the_rules(check: Check, connect: Connect) -> None:
    """The suite of the seam. The time is the server's, so it really passes."""
    here, there = NatsLeases(await connect(), "shop"), NatsLeases(await connect(), "shop")
    await check(Bench(here, there, asyncio.sleep, seconds=3))


async def test_leases_outlast_a_restart_of_the_server(connect: Connect, server: NatsServer) -> None:
    """With their holders and their tokens."""
    connection = await connect()
    back = asyncio.Event()
    connection.watch(back.set)
    leases = NatsLeases(connection, "shop")
    token = await leases.acquire("nightly", "ada", 60)
    assert isinstance(token, int)
    await server.kill()
    with pytest.raises(Unavailable):
        await leases.renew("nightly", token, 60)
    await server.start()
    async with asyncio.timeout(20):
        await back.wait()
        while True:  # JetStream comes a moment after the connection
            try:
                assert await leases.acquire("nightly", "bob", 60) == Held("ada")
                break
            except Unavailable:
                await asyncio.sleep(0.1)
    assert await leases.renew("nightly", token, 60)
    await leases.release("nightly", token)
    later = await leases.acquire("nightly", "bob", 60)
    assert isinstance(later, int)
    assert later > token


async def test_p19_work_ends_before_its_lease_expires_when_nats_is_gone(connect: Connect, server: NatsServer) -> None:
    """The connection of the lease is cut, and nothing else."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(LeaseLost):
        async with Leases(NatsLeases(await connect(), "shop")).lease("nightly", seconds=3):
            await server.kill()
            await asyncio.Event().wait()
    assert loop.time() - began >= 2


async def test_a_renewal_whose_answer_was_lost_is_no_loss(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one finds that the revision is its own."""
    leases = NatsLeases(await connect(), "shop")
    token = await leases.acquire("nightly", "ada", 60)
    assert isinstance(token, int)
    before = dict(leases._grants)
    assert await leases.renew("nightly", token, 60)
    leases._grants.update(before)  # as if nobody had heard of it
    assert await leases.renew("nightly", token, 60)
    assert await NatsLeases(await connect(), "shop").acquire("nightly", "bob", 60) == Held("ada")
