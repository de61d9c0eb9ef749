"""Faults, taken on the calls of a process: near, and over the wire in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from freestone import Contract, Identity, acting_as, command, current, deadline, errors, local, query, service
from freestone.app import Near
from freestone.call import CodecTransport, Deadlines, Dispatcher, LocalTransport, Policies, Transport, client
from freestone.signals import SIGNALS, Signal
from freestone.testing import FakeClock
from freestone.testing.faults import (
    Cut,
    Drop,
    Failure,
    Fault,
    FaultPlan,
    Faults,
    FaultTaken,
    Injector,
    Latency,
    Refusal,
    Slow,
)
from freestone.testing.memory import wire_in_memory


class Shop(Contract):
    """Counts what reaches it."""

    @query
    async def price(self, things: list[str]) -> int:
        """Return the price, and count."""
        ...

    @query
    async def who(self) -> str:
        """Return who asks."""
        ...

    @query
    def all(self, to: int) -> AsyncIterator[int]:
        """Count."""
        ...

    @command
    async def buy(self, thing: str) -> None:
        """Buy it, and count."""
        ...


@service
class ShopService(Shop):
    async def start(self) -> None:
        self.reached = 0
        self.closed = 0

    async def price(self, things: list[str]) -> int:
        self.reached += 1
        return sum(map(len, things))

    async def who(self) -> str:
        context = current()
        assert context is not None
        assert context.identity is not None
        return context.identity.subject

    async def all(self, to: int) -> AsyncIterator[int]:
        self.reached += 1
        try:
            for number in range(to):
                yield number
        finally:
            self.closed += 1

    async def buy(self, thing: str) -> None:
        self.reached += 1


class Faulty:
    """The shop, and a client on whose calls things go wrong."""

    def __init__(self, shop: Shop, instance: ShopService, faults: Faults) -> None:
        self.shop = shop
        self.instance = instance
        self.faults = faults

    @property
    def taken(self) -> int:
        """How often the one fault was taken."""
        return self.faults.taken["fault"]


Make = Callable[..., Any]


@pytest.fixture(params=["local", "codec", "memory"])
def faulty(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Run the shop with one fault on the calls to it."""

    @contextlib.asynccontextmanager
    async def faulty(what: Any, *, clock: FakeClock | None = None, **how: Any) -> AsyncIterator[Faulty]:
        faults = Faults(FaultPlan((Fault("fault", what, **how),), seed=1))
        injector = Injector(faults, "app", clock=clock)
        places: dict[str, Any] = {"local": LocalTransport, "codec": CodecTransport}
        async with contextlib.AsyncExitStack() as stack:
            inner: Near = places.get(request.param) or await stack.enter_async_context(wire_in_memory(injector))

            def near(dispatcher: Dispatcher, name: str, policies: Policies) -> Transport:
                made = inner(dispatcher, name, policies)
                return injector.transport("test", name, "app", made, policies.deadlines)

            running = await stack.enter_async_context(local(directory=tmp_path, near=near, shop=ShopService))
            yield Faulty(running.client(Shop), running.service("shop"), faults)

    return faulty


async def test_a_refused_call_does_not_happen(faulty: Make) -> None:
    """Its caller hears what it hears of a replica that can't be reached."""
    async with faulty(Refusal()) as it:
        with pytest.raises(errors.Unavailable, match=r"shop\.buy was not called: the fault fault was injected"):
            await it.shop.buy("tea")
        assert (it.instance.reached, it.taken) == (0, 1)


@pytest.mark.parametrize(
    ("failure", "reached"),
    [
        (Failure(errors.ResourceExhausted), 0),
        (Failure(errors.Internal, happened=False), 0),
        (Failure(errors.ConnectionLost, happened=True), 1),
    ],
)
async def test_an_error_comes_in_the_place_of_the_answer(faulty: Make, failure: Failure, reached: int) -> None:
    """The call happens if the fault says so, and never if the error says that it did not."""
    async with faulty(failure) as it:
        with pytest.raises(failure.error, match=r"shop\.buy failed: the fault fault was injected") as caught:
            await it.shop.buy("tea")
        assert type(caught.value) is failure.error
        assert (it.instance.reached, it.taken) == (reached, 1)


@pytest.mark.parametrize("happened", [True, False])
async def test_a_dropped_call_ends_by_its_deadline(faulty: Make, happened: bool) -> None:
    """Whether the callee heard of it or not: its caller does not know."""
    async with faulty(Drop(happened)) as it:
        with pytest.raises(errors.DeadlineExceeded):
            async with deadline(0.2):
                await it.shop.buy("tea")
        assert (it.instance.reached, it.taken) == (int(happened), 1)


async def test_a_dropped_call_has_the_deadline_of_its_method(faulty: Make) -> None:
    """As it would have without the fault."""
    async with faulty(Drop()) as it:
        transport = it.shop._transport
        transport._deadlines = Deadlines(methods={"shop.buy": 0.1})
        with pytest.raises(errors.DeadlineExceeded, match=r"shop\.buy did not end by its deadline"):
            await it.shop.buy("tea")


async def test_a_late_call_is_the_same_call(faulty: Make) -> None:
    """With the arguments that it was made with, and on behalf of the same person; only later."""
    async with faulty(Latency(0.05, 0.01)) as it:
        loop = asyncio.get_running_loop()
        began = loop.time()
        things = ["tea", "milk"]
        call = asyncio.ensure_future(it.shop.price(things))
        await asyncio.sleep(0)
        things.clear()
        assert await call == 7
        assert loop.time() - began >= 0.05
        with acting_as(Identity("ada")):
            assert await it.shop.who() == "ada"
        assert it.taken == 2


async def test_what_is_too_late_ends_by_its_deadline(faulty: Make) -> None:
    """The callee never hears of it."""
    async with faulty(Latency(60)) as it:
        with pytest.raises(errors.DeadlineExceeded):
            async with deadline(0.05):
                await it.shop.price(["tea"])
        assert it.instance.reached == 0


async def test_a_stream_meets_the_same_faults(faulty: Make) -> None:
    """When it is opened."""
    async with faulty(Refusal(), method="all") as it:
        with pytest.raises(errors.Unavailable, match=r"shop\.all was not called"):
            [number async for number in it.shop.all(3)]
        assert (it.instance.reached, it.taken) == (0, 1)


async def test_a_stream_that_is_late_is_whole_and_closed(faulty: Make) -> None:
    """It has all its items; one that is left early is closed behind the fault, too."""
    async with faulty(Latency(0.001)) as it:
        assert [number async for number in it.shop.all(100)] == list(range(100))
        stream = it.shop.all(100)
        assert await anext(stream) == 0
        await stream.aclose()
        async with asyncio.timeout(10):
            while it.instance.closed < 2:  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert it.taken == 2


async def test_other_calls_are_left_alone(faulty: Make) -> None:
    """A fault of one method is none of another."""
    async with faulty(Refusal(), method="buy") as it:
        assert await it.shop.price(["tea"]) == 3
        assert it.taken == 0


async def test_a_fault_has_its_time(faulty: Make) -> None:
    """From when until when, in seconds since the start."""
    clock = FakeClock()
    async with faulty(Refusal(), clock=clock, after=5.0, until=10.0) as it:
        await it.shop.buy("tea")
        clock.advance(5)
        with pytest.raises(errors.Unavailable):
            await it.shop.buy("tea")
        clock.advance(5)
        await it.shop.buy("tea")
        assert (it.instance.reached, it.taken) == (2, 1)


async def test_a_seed_repeats_a_run(faulty: Make) -> None:
    """The same calls fail; with another seed others do."""

    async def run() -> str:
        async with faulty(Refusal(), probability=0.5) as it:
            outcome = ""
            for _ in range(40):
                try:
                    await it.shop.buy("tea")
                    outcome += "."
                except errors.Unavailable:
                    outcome += "x"
            assert outcome.count("x") == it.taken
            return outcome

    first = await run()
    assert await run() == first
    assert 5 < first.count("x") < 35


async def test_what_was_taken_is_announced_and_reported(faulty: Make) -> None:
    """Each with its name and its edge; a report is heard by whoever reads the lines of another process."""
    heard: list[Signal] = []
    SIGNALS.subscribe(heard.append)
    try:
        async with faulty(Refusal(), method="buy") as it:
            with pytest.raises(errors.Unavailable):
                await it.shop.buy("tea")
    finally:
        SIGNALS.unsubscribe(heard.append)
    assert [signal for signal in heard if isinstance(signal, FaultTaken)] == [FaultTaken("fault", "test -> shop.buy")]
    [sentence] = it.faults.report()
    assert sentence == "the fault fault was taken 1 times on test -> shop.buy"
    elsewhere = Faults(it.faults.plan)
    elsewhere.hear(f"catalog.0 | 2030-01-01 12:00:00,000 INFO    freestone.cli: {sentence}")
    elsewhere.hear("something else")
    assert elsewhere.taken_on == it.faults.taken_on


@pytest.mark.parametrize("faulty", ["memory"], indirect=True)
async def test_a_cut_connection_loses_a_command_and_not_a_query(faulty: Make) -> None:
    """A command may have happened, and says so; a query is asked again. Both find a connection again."""
    lost = 0
    async with faulty(Cut(within=0.0), probability=0.5) as it:
        for _ in range(30):
            assert await it.shop.price(["tea"]) == 3
            try:
                await it.shop.buy("tea")
            except errors.ConnectionLost:
                lost += 1
        assert it.taken > 10
    assert lost > 0


async def test_nothing_is_cut_within_a_process(tmp_path: Path) -> None:
    """There is no connection, and nothing is counted."""
    faults = Faults(FaultPlan((Fault("fault", Cut()),)))
    injector = Injector(faults, "app")

    def near(dispatcher: Dispatcher, name: str, policies: Policies) -> Transport:
        return injector.transport("", name, "app", LocalTransport(dispatcher, name, policies), policies.deadlines)

    async with local(directory=tmp_path, near=near, shop=ShopService) as running:
        assert await running.client(Shop).price(["tea"]) == 3
        await asyncio.sleep(0.01)
    assert faults.taken_on == {}


@pytest.mark.parametrize("faulty", ["memory"], indirect=True)
@pytest.mark.parametrize("slow", [Slow(1), Slow(7, 0.0001), Slow(10_000)])
async def test_slow_bytes_give_right_answers(faulty: Make, slow: Slow) -> None:
    """Every frame is split, both ways; it is a matter of the connection, which is counted once."""
    async with faulty(slow, service="app") as it:
        things = ["x" * 100] * 3
        assert await asyncio.gather(*(it.shop.price(things) for _ in range(5))) == [300] * 5
        assert [number async for number in it.shop.all(50)] == list(range(50))
        assert it.faults.taken_on == {("fault", "app -> app"): 1}


def test_a_client_that_nothing_concerns_is_left_as_it_is() -> None:
    """Not a call of it pays anything."""
    injector = Injector(Faults(FaultPlan((Fault("fault", Refusal(), service="other"),))), "app")
    transport = LocalTransport(Dispatcher({}), "shop")
    assert injector.transport("", "shop", "app", transport, Deadlines()) is transport
    assert repr(client(Shop, transport)) == "<client of Shop through LocalTransport>"
