"""Processes find each other through a real NATS server, which is killed and started again."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from textwrap import dedent

import pytest

from freestone.call import Address, Dispatcher, Policies, Pool, Server, TcpAddress, WireTransport, client
from freestone.clock import system_random
from freestone.cluster import Announcement, NatsConnection, NatsResolver
from freestone.contract import Contract, contract_of, fingerprint, query
from freestone.service import service
from freestone.testing.conformance.resolver import CHECKS, CHECKS_OF_CHANGES, HERE, PROCESS, Bench
from freestone.testing.nats import NatsServer
from freestone.wire import Hello

Connect = Callable[[], Awaitable[NatsConnection]]
Check = Callable[[Bench], Awaitable[None]]


class Crowd:
    """Processes that are there, one at each address."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._there: dict[Address, NatsResolver] = {}

    async def move(self, addresses: Sequence[Address]) -> None:
        for address in [address for address in self._there if address not in addresses]:
            await self._there.pop(address).close()
        for address in addresses:
            if address not in self._there:
                self._there[address] = each = NatsResolver(await self._connect(), "shop")
                await each.start()
                own = Announcement(PROCESS, f"instance at {address}", (str(address),))
                await each.announce(lambda own=own: own)  # type: ignore[misc]


@pytest.fixture
async def crowd(connect: Connect) -> AsyncIterator[Crowd]:
    crowd = Crowd(connect)
    yield crowd
    await crowd.move([])


@pytest.fixture
async def resolver(connect: Connect) -> NatsResolver:
    return NatsResolver(await connect(), "shop")


@pytest.mark.parametrize("check", [*CHECKS, *CHECKS_OF_CHANGES], ids=lambda check: check.__name__)
async def test_nats_keeps_the_rules_of_resolvers(check: Check, crowd: Crowd, resolver: NatsResolver) -> None:
    """The suite of the seam."""
    await crowd.move([HERE])
    await check(Bench(resolver, crowd.move))
    await resolver.close()


async def until(resolver: NatsResolver, addresses: set[Address], seconds: float) -> None:
    """Wait until those are the addresses, for so many seconds at most."""
    changed = asyncio.Event()
    resolver.watch(changed.set)
    async with asyncio.timeout(seconds):
        while set(resolver.resolve(PROCESS)) != addresses:
            changed.clear()
            await changed.wait()


async def test_applications_do_not_hear_each_other(crowd: Crowd, connect: Connect) -> None:
    """One NATS may serve many."""
    await crowd.move([HERE])
    other = NatsResolver(await connect(), "bank")
    await other.start()
    assert other.resolve(PROCESS) == ()
    await other.close()


async def test_a_replica_that_is_killed_expires(server: NatsServer, resolver: NatsResolver) -> None:
    """It said nothing, so it is found until it was silent for six seconds."""
    program = dedent(
        """
        import asyncio, sys
        from freestone.cluster import Announcement, NatsConnection, NatsResolver, NatsSettings

        async def main():
            connection = NatsConnection(NatsSettings((sys.argv[1],)))
            await connection.start()
            resolver = NatsResolver(connection, "shop")
            await resolver.start()
            await resolver.announce(lambda: Announcement("shop", "1", ("tcp://127.0.0.1:7001",)))
            await asyncio.Event().wait()

        asyncio.run(main())
        """
    )
    await resolver.start()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, server.url, stdout=PIPE)
    try:
        await until(resolver, {HERE}, 30)
        process.kill()
        await until(resolver, set(), 20)
        assert resolver.trouble(PROCESS) == "shop is not there now"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        await resolver.close()


async def test_who_is_there_stays_found_while_nats_is_away(
    crowd: Crowd, resolver: NatsResolver, server: NatsServer
) -> None:
    """And newcomers are found within ten seconds after it is back, however often it is killed."""
    await crowd.move([HERE])
    await resolver.start()
    await until(resolver, {HERE}, 10)
    for number in range(3):
        await server.kill()
        assert resolver.resolve(PROCESS) == (HERE,)
        await server.start()
        newcomer = TcpAddress("127.0.0.1", 7100 + number)
        appearing = asyncio.create_task(crowd.move([HERE, newcomer]))
        await until(resolver, {HERE, newcomer}, 10)
        await appearing
        await crowd.move([HERE])
        await until(resolver, {HERE}, 10)
    await resolver.close()


class Prices(Contract):
    """What things cost."""

    @query
    async def price(self, item: str) -> int:
        """Return the price of an item."""
        ...


@service
class PricesService(Prices):
    async def price(self, item: str) -> int:
        return len(item)


async def test_no_call_fails_while_nats_is_killed_and_started(
    connect: Connect, resolver: NatsResolver, server: NatsServer
) -> None:
    """Calls go on all the while, to where the callee was."""
    hello = Hello(
        application="shop",
        process=PROCESS,
        instance="1",
        services={"prices": fingerprint(contract_of(PricesService))},
    )
    callee = Server(Dispatcher({"prices": PricesService()}), hello)
    where = await callee.listen(TcpAddress("127.0.0.1", 0))
    announcer = NatsResolver(await connect(), "shop")
    await announcer.start()
    await announcer.announce(lambda: Announcement(PROCESS, "1", (str(where),)))
    await resolver.start()
    pool = Pool(Hello(application="shop", process="caller", instance="2"), resolver, random=system_random())
    prices = client(Prices, WireTransport(pool, PROCESS, "prices", Policies(deadline=5)))
    calls, over = 0, asyncio.Event()

    async def call() -> None:
        nonlocal calls
        while not over.is_set():
            assert await prices.price("tea") == 3
            calls += 1

    assert await prices.price("tea") == 3
    calling = asyncio.create_task(call())
    for _ in range(3):
        await server.kill()
        await server.start()
    over.set()
    await calling
    assert calls > 10
    await pool.close()
    await resolver.close()
    await announcer.close()
    await callee.drain(1)
