"""Calls through several services: what fails at the bottom, what ends at the top, and how often, and how soon."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from freestone.call import (
    Dispatcher,
    LocalTransport,
    MemoryAddress,
    MemoryNetwork,
    Policies,
    Pool,
    Server,
    StaticResolver,
    Transport,
    WireTransport,
    client,
)
from freestone.contract import Contract, command, query
from freestone.errors import (
    Aborted,
    ConnectionLost,
    DeadlineExceeded,
    Internal,
    ResourceExhausted,
    ServiceError,
    Unavailable,
)
from freestone.service import current, deadline
from freestone.signals import SIGNALS, CallGivenUp, CallRepeated, Signal
from freestone.wire import Hello


class Layer(Contract):
    """One of several services, each of which asks the next."""

    @query
    async def ask(self) -> str:
        """Return what the bottom says."""

    @query
    async def wait(self) -> str:
        """Wait for ever, at the bottom."""

    @command
    async def do(self) -> str:
        """Do something, at the bottom."""


class Service(Layer):
    below: Layer | None = None

    def __init__(self) -> None:
        self.calls = 0
        self.left: list[float] = []
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.errors: list[ServiceError] = []

    def _count(self) -> None:
        self.calls += 1
        context = current()
        assert context is not None
        self.left.append(context.remaining())

    async def ask(self) -> str:
        self._count()
        if self.below is not None:
            return await self.below.ask()
        if self.errors:
            raise self.errors.pop()
        return "bottom"

    async def wait(self) -> str:
        self._count()
        self.begun.set()
        try:
            if self.below is not None:
                return await self.below.wait()
            return await asyncio.Event().wait()  # type: ignore[return-value]
        finally:
            self.ended.set()

    async def do(self) -> str:
        self._count()
        if self.below is not None:
            return await self.below.do()
        if self.errors:
            raise self.errors.pop()
        return "done"


class Chain:
    """Four services, each in a process of its own as far as it can tell, or all in one."""

    def __init__(self, wire: bool, policies: Policies | None = None) -> None:
        self.services = [Service() for _ in range(4)]
        self._wire = wire
        self._policies = policies
        self._network = MemoryNetwork()
        self.pools: list[Pool] = []
        self.servers: list[Server] = []
        self.dispatchers = [Dispatcher({f"layer{n}": service}) for n, service in enumerate(self.services)]

    def _transport(self, n: int) -> Transport:
        name = f"layer{n}"
        if not self._wire:
            return LocalTransport(self.dispatchers[n], name, self._policies)
        hello = Hello(application="academy", process=f"before{n}", instance="1")
        resolver = StaticResolver({name: [MemoryAddress(name)]})
        pool = Pool(hello, resolver, random=random.Random(n), network=self._network)
        self.pools.append(pool)
        return WireTransport(pool, name, name, self._policies)

    async def __aenter__(self) -> Chain:
        for n, service in enumerate(self.services):
            if n < 3:
                service.below = client(Layer, self._transport(n + 1))
            if self._wire:
                hello = Hello(application="academy", process=f"layer{n}", instance="1")
                server = Server(self.dispatchers[n], hello, network=self._network)
                await server.listen(MemoryAddress(f"layer{n}"))
                self.servers.append(server)
        self.top = client(Layer, self._transport(0))
        return self

    async def __aexit__(self, *error: object) -> None:
        for pool in reversed(self.pools):
            await pool.close()
        for server in self.servers:
            await server.close()

    @property
    def bottom(self) -> Service:
        return self.services[-1]


@pytest.fixture(params=["wire", "local"])
async def chain(request: pytest.FixtureRequest) -> AsyncIterator[Chain]:
    async with Chain(request.param == "wire") as made:
        yield made


class Always(list[ServiceError]):
    """Errors without end, of one kind."""

    def __init__(self, kind: type[ServiceError]) -> None:
        super().__init__()
        self._kind = kind

    def pop(self, index: Any = -1) -> ServiceError:
        return self._kind("the bottom is out of order")

    def __bool__(self) -> bool:
        return True


async def test_p34_nested_retries_do_not_multiply(chain: Chain) -> None:
    """Three layers that each try three times would be 27 calls; the bottom sees at most a fifth more than were made.

    A budget has one in each second besides, where calls are few, as while the machine stands still.
    """
    chain.bottom.errors = Always(Unavailable)
    failures = 0

    async def caller() -> None:
        nonlocal failures
        for _ in range(50):
            try:
                await chain.top.ask()
            except Unavailable:
                failures += 1

    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.wait_for(asyncio.gather(*(caller() for _ in range(10))), 30)
    assert failures == 500
    assert chain.bottom.calls <= 1.2 * 500 + (loop.time() - began)
    assert [service.calls for service in chain.services[:3]] == [500, 500, 500]


async def test_p34_the_deadline_that_is_seen_shrinks_on_the_way_down(chain: Chain) -> None:
    """What is left travels, not when it is over: clocks may differ, and time passes."""
    async with deadline(3.0):
        assert await chain.top.ask() == "bottom"
    left = [service.left[0] for service in chain.services]
    assert 2.0 < left[3] < left[2] < left[1] < left[0] < 3.0


async def test_p34_work_stops_when_its_caller_gives_up(chain: Chain) -> None:
    """Everywhere within 50 ms, four services deep."""
    loop = asyncio.get_running_loop()
    call = asyncio.ensure_future(chain.top.wait())
    await asyncio.wait_for(chain.bottom.begun.wait(), 5)
    began = loop.time()
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    await asyncio.wait_for(asyncio.gather(*(service.ended.wait() for service in chain.services)), 5)
    assert loop.time() - began < 0.05


async def test_p34_work_stops_when_its_caller_is_gone() -> None:
    """The process that called is dead; the services below the one that it called hear of it too."""
    async with Chain(wire=True) as chain:
        call = asyncio.ensure_future(chain.top.wait())
        await asyncio.wait_for(chain.bottom.begun.wait(), 5)
        loop = asyncio.get_running_loop()
        began = loop.time()
        connection = chain.pools[-1].peer("layer0").pick()
        assert connection is not None
        connection.link.abort("killed")
        await asyncio.wait_for(asyncio.gather(*(service.ended.wait() for service in chain.services)), 5)
        assert loop.time() - began < 0.05
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionLost):
            await call


async def test_the_deadline_ends_the_work_at_every_depth(chain: Chain) -> None:
    """Whichever service notices first."""
    with pytest.raises(DeadlineExceeded):
        async with deadline(0.1):
            await chain.top.wait()
    await asyncio.wait_for(asyncio.gather(*(service.ended.wait() for service in chain.services)), 5)


async def test_an_error_that_was_given_up_on_says_so_at_the_top() -> None:
    """It crosses each boundary with the word, and each layer above leaves it alone."""
    async with Chain(wire=True) as chain:
        chain.bottom.errors = Always(Unavailable)
        with pytest.raises(Unavailable, match="the bottom is out of order") as caught:
            await chain.top.ask()
        assert caught.value.retried
        assert [service.calls for service in chain.services] == [1, 1, 1, 3]


async def test_an_error_that_is_made_of_one_that_was_given_up_on_says_so_too() -> None:
    """A service that translates what its dependency raised is no reason to begin again."""

    class Translating(Service):
        async def ask(self) -> str:
            self.calls += 1
            try:
                assert self.below is not None
                return await self.below.ask()
            except Unavailable as error:
                raise Unavailable("I can't either") from error

    chain = Chain(wire=True)
    chain.services[2] = Translating()
    chain.dispatchers[2] = Dispatcher({"layer2": chain.services[2]})
    async with chain:
        chain.bottom.errors = Always(Unavailable)
        with pytest.raises(Unavailable, match="I can't either"):
            await chain.top.ask()
        assert [service.calls for service in chain.services] == [1, 1, 1, 3]


@pytest.mark.parametrize("error", [Unavailable(), Aborted(), ResourceExhausted(retry_after=0.001)])
async def test_a_query_is_repeated_where_that_may_help(error: ServiceError) -> None:
    """Its callers notice nothing, and whoever listens hears of it."""
    heard = list[Signal]()
    async with Chain(wire=True) as chain:
        chain.bottom.errors = [error]
        SIGNALS.subscribe(heard.append)
        try:
            assert await chain.top.ask() == "bottom"
        finally:
            SIGNALS.unsubscribe(heard.append)
        assert [service.calls for service in chain.services] == [1, 1, 1, 2]
    (repeated,) = [it for it in heard if isinstance(it, CallRepeated)]
    assert (repeated.operation, repeated.attempt, type(repeated.error)) == ("layer3.ask", 1, type(error))


@pytest.mark.parametrize("error", [Internal(), ResourceExhausted(), DeadlineExceeded()])
async def test_what_can_not_help_is_not_repeated(error: ServiceError) -> None:
    """At no layer."""
    async with Chain(wire=True) as chain:
        chain.bottom.errors = [error]
        with pytest.raises(type(error)):
            await chain.top.ask()
        assert chain.bottom.calls == 1


async def test_when_the_budget_is_spent_errors_come_at_once() -> None:
    """And say that to try again is for nobody."""
    heard = list[Signal]()
    async with Chain(wire=True) as chain:
        chain.bottom.errors = Always(Unavailable)
        SIGNALS.subscribe(heard.append)
        try:
            for _ in range(12):
                with pytest.raises(Unavailable) as caught:
                    await chain.top.ask()
        finally:
            SIGNALS.unsubscribe(heard.append)
        assert caught.value.retried
        assert chain.bottom.calls <= 12 + 10 + 2
    reasons = [it.reason for it in heard if isinstance(it, CallGivenUp)]
    assert {"every attempt was made", "the budget is spent", "it was repeated further down"} == set(reasons)
