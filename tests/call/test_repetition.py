"""A handler whose transaction loses a race is run again, however it was called."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from freestone.call import (
    CodecTransport,
    Dispatcher,
    LocalTransport,
    MemoryAddress,
    MemoryNetwork,
    Pool,
    Server,
    StaticResolver,
    WireTransport,
    client,
)
from freestone.clock import system_random
from freestone.contract import Contract, command, query
from freestone.errors import Aborted, NotFound
from freestone.service import MOST_REPETITIONS, Stored, current, deadline
from freestone.signals import SIGNALS, HandlerRepeated, Signal
from freestone.wire import Hello


class Refused(Aborted):
    """Somebody else has it, and will keep it."""


class Shop(Contract):
    """Sells."""

    @command(raises=[Refused])
    async def sell(self, items: list[str]) -> int:
        """Sell, and return how many were sold."""

    @query
    async def sold(self) -> int:
        """Return how many were sold."""

    @command
    async def fetch(self, items: AsyncIterator[str]) -> int:
        """Sell what comes."""


def lost() -> Aborted:
    """Return what ``data`` raises for a race that was lost."""
    error = Aborted("somebody was faster")
    error.lost_race = True
    return error


class Transaction:
    """Loses its race at the commit as often as it is told."""

    def __init__(self, shop: ShopService) -> None:
        self.shop = shop

    async def commit(self) -> None:
        if self.shop.losses:
            self.shop.losses -= 1
            raise lost()
        self.shop.log.append("commit")

    async def rollback(self) -> None:
        self.shop.log.append("rollback")


class ShopService(Shop):
    def __init__(self) -> None:
        self.losses = 0
        self.raises: BaseException | None = None
        self.log: list[str] = []
        self.seen: list[tuple[str | None, int, object]] = []

    def begin(self) -> None:
        context = current()
        assert context is not None
        assert context.enlisted_as(self) is None
        context.enlist(self, Transaction(self))
        self.seen.append((context.idempotency_key, context.run, context))

    async def sell(self, items: list[str]) -> int:
        self.begin()
        if self.raises is not None:
            raise self.raises
        sold = 0
        while items:
            items.pop()
            sold += 1
        return sold

    async def sold(self) -> int:
        self.begin()
        return 7

    async def fetch(self, items: AsyncIterator[str]) -> int:
        self.begin()
        return len([item async for item in items])


class Kept:
    """Keeps replies in memory, once the transaction is committed that they belong to."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Stored] = {}

    async def prepare(self) -> None: ...

    async def recall(self, scope: str, key: str) -> Stored | None:
        return self.kept.get((scope, key))

    async def remember(self, scope: str, key: str, stored: Stored) -> bool:
        context = current()
        assert context is not None

        class Pending:
            async def commit(_) -> None:  # noqa: N805
                self.kept[scope, key] = stored

            async def rollback(_) -> None: ...  # noqa: N805

        context.enlist(object(), Pending())
        return True

    async def settle(self, scope: str, key: str, stored: Stored) -> Stored:
        return self.kept.setdefault((scope, key), stored)


class Early:
    """Chance that has nobody wait for long."""

    def random(self) -> float:
        return 0.001


Placed = Callable[[ShopService], AbstractAsyncContextManager[Shop]]


@contextlib.asynccontextmanager
async def over_the_wire(dispatcher: Dispatcher) -> AsyncGenerator[Shop]:
    hello, network = Hello(application="town", process="shop", instance="1"), MemoryNetwork()
    server = Server(dispatcher, hello, network=network)
    address = await server.listen(MemoryAddress("shop"))
    pool = Pool(hello, StaticResolver({"shop": [address]}), random=system_random(), network=network)
    try:
        yield client(Shop, WireTransport(pool, "shop", "shop"))
    finally:
        await pool.close()
        await server.close()
        assert server.in_flight == 0


@pytest.fixture(params=["local", "codec", "memory"])
def placed(request: pytest.FixtureRequest) -> Placed:
    """A shop that has a transaction, in each of the ways that need no socket."""

    def place(shop: ShopService) -> AbstractAsyncContextManager[Shop]:
        dispatcher = Dispatcher({}, random=Early())  # type: ignore[arg-type]
        dispatcher.add("shop", shop, replies=Kept())
        if request.param == "memory":
            return over_the_wire(dispatcher)
        near = {"local": LocalTransport, "codec": CodecTransport}[request.param]
        return contextlib.nullcontext(client(Shop, near(dispatcher, "shop")))

    return place


@contextlib.contextmanager
def heard() -> AsyncGenerator[list[HandlerRepeated]]:
    """Collect what is announced."""
    signals: list[HandlerRepeated] = []

    def observe(signal: Signal) -> None:
        if isinstance(signal, HandlerRepeated):
            signals.append(signal)

    SIGNALS.subscribe(observe)
    try:
        yield signals
    finally:
        SIGNALS.unsubscribe(observe)


@pytest.mark.parametrize("observed", [True, False])
async def test_a_handler_that_loses_a_race_is_run_again(placed: Placed, observed: bool) -> None:
    """Its caller gets the result, and each run has a transaction of its own and the key of the first."""
    shop = ShopService()
    shop.losses = 2
    with heard() if observed else contextlib.nullcontext([]) as signals:
        async with placed(shop) as it, deadline(10):
            assert await it.sell(["tea", "rum"]) == 2
    assert shop.log == ["rollback", "rollback", "commit"]
    assert [run for _, run, _ in shop.seen] == [0, 1, 2]
    assert len({key for key, _, _ in shop.seen}) == 1
    assert len({id(context) for _, _, context in shop.seen}) == 3
    if observed:
        assert [(signal.operation, signal.run) for signal in signals] == [("shop.sell", 1), ("shop.sell", 2)]


async def test_a_query_is_run_again_as_well(placed: Placed) -> None:
    shop = ShopService()
    shop.losses = 1
    async with placed(shop) as it:
        assert await it.sold() == 7
    assert len(shop.seen) == 2


async def test_each_run_has_the_arguments_as_they_came(placed: Placed) -> None:
    """The first one has emptied its list; the caller's own stays as it was."""
    shop = ShopService()
    shop.losses = 1
    items = ["tea", "rum"]
    async with placed(shop) as it:
        assert await it.sell(items) == 2
    assert items == ["tea", "rum"]


async def test_a_handler_that_loses_each_time_is_given_up(placed: Placed) -> None:
    """The error says so, and no policy above tries again: that would be three times as many runs."""
    shop = ShopService()
    shop.losses = 1000
    async with placed(shop) as it, deadline(60):
        with pytest.raises(Aborted, match="somebody was faster") as caught:
            await it.sell(["tea"])
    assert caught.value.retried
    assert not caught.value.lost_race
    assert len(shop.seen) == 1 + MOST_REPETITIONS
    assert shop.log == ["rollback"] * (1 + MOST_REPETITIONS)


async def test_what_another_run_raises_is_the_error_of_the_call(placed: Placed) -> None:
    shop = ShopService()
    shop.losses = 1
    async with placed(shop) as it:

        def observe(signal: Signal) -> None:
            if isinstance(signal, HandlerRepeated):
                shop.raises = NotFound("it is gone")

        SIGNALS.subscribe(observe)
        try:
            with pytest.raises(NotFound, match="it is gone"):
                await it.sell(["tea"])
        finally:
            SIGNALS.unsubscribe(observe)
    assert shop.log == ["rollback", "rollback"]


@pytest.mark.parametrize("error", [Aborted("says the shop"), Refused("says the shop")])
async def test_an_aborted_of_the_application_is_its_answer(placed: Placed, error: Aborted) -> None:
    """What says that a race was lost is set by the framework alone."""
    shop = ShopService()
    shop.raises = error
    async with placed(shop) as it, deadline(0.5):
        with pytest.raises(type(error), match="says the shop"):
            await it.sell(["tea"])
    assert len({key for key, _, _ in shop.seen}) == 1  # the caller's policy may have sent it again
    assert {run for _, run, _ in shop.seen} == {0}


async def test_a_race_that_was_lost_in_a_group_of_tasks_counts(placed: Placed) -> None:
    shop = ShopService()
    shop.raises = ExceptionGroup("tasks", [ValueError("one"), ExceptionGroup("more", [lost()])])

    def observe(signal: Signal) -> None:
        if isinstance(signal, HandlerRepeated):
            shop.raises = None

    async with placed(shop) as it:
        SIGNALS.subscribe(observe)
        try:
            assert await it.sell(["tea"]) == 1
        finally:
            SIGNALS.unsubscribe(observe)


async def test_what_took_items_of_its_caller_is_not_run_again(placed: Placed) -> None:
    """They are gone."""
    shop = ShopService()
    shop.losses = 1

    async def items() -> AsyncIterator[str]:
        yield "tea"

    async with placed(shop) as it:
        with pytest.raises(Aborted) as caught:
            await it.fetch(items())
    assert not caught.value.lost_race
    assert len(shop.seen) == 1


async def test_a_wait_that_would_outlast_the_deadline_is_not_begun() -> None:
    """The caller hears at once."""

    class Late:
        def random(self) -> float:
            return 0.999

    shop = ShopService()
    shop.losses = 1000
    dispatcher = Dispatcher({}, random=Late())  # type: ignore[arg-type]
    dispatcher.add("shop", shop, replies=Kept())
    it = client(Shop, LocalTransport(dispatcher, "shop"))
    with heard() as signals, pytest.raises(Aborted):
        async with deadline(0.25):
            await it.sell(["tea"])
    assert signals
    assert len(shop.seen) < 1 + MOST_REPETITIONS


async def test_a_race_that_a_callee_has_lost_is_not_its_callers() -> None:
    """The callee was run again; its caller's own transaction stands, and is not."""

    class Mall(Contract):
        @command
        async def sell(self) -> int:
            """Sell in the shop."""

    class MallService(Mall):
        runs = 0

        async def sell(self) -> int:
            self.runs += 1
            return await near.sell(["tea"])

    shop, mall = ShopService(), MallService()
    shop.losses = 1000
    dispatcher = Dispatcher({"mall": mall}, random=Early())  # type: ignore[arg-type]
    dispatcher.add("shop", shop, replies=Kept())
    near = client(Shop, LocalTransport(dispatcher, "shop"))
    async with deadline(60):
        with pytest.raises(Aborted):
            await client(Mall, LocalTransport(dispatcher, "mall")).sell()
    assert mall.runs == 1
    assert len(shop.seen) == 1 + MOST_REPETITIONS


async def test_a_task_that_a_lost_run_has_left_behind_has_no_part_in_the_next() -> None:
    left: list[asyncio.Task[None]] = []
    over = asyncio.Event()

    class Messy(ShopService):
        async def sell(self, items: list[str]) -> int:
            self.begin()
            left.append(asyncio.create_task(self.enlist_late()))
            return 1

        async def enlist_late(self) -> None:
            context = current()
            assert context is not None
            await over.wait()
            context.enlist("late", Transaction(self))

    shop = Messy()
    shop.losses = 1
    dispatcher = Dispatcher({"shop": shop})
    assert await client(Shop, LocalTransport(dispatcher, "shop")).sell([]) == 1
    over.set()
    assert len(left) == 2
    for task in left:
        with pytest.raises(RuntimeError, match="has ended"):
            await task
