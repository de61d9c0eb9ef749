"""Commands take effect once, however they were called, on a real database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

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
from freestone.contract import Contract, Message, command
from freestone.data import Database
from freestone.errors import DeadlineExceeded, FailedPrecondition, Internal, KeyReused, NotFound
from freestone.service import Identity, acting_as, deadline, keyed
from freestone.signals import SIGNALS, HandlerRepeated, ReplyRecalled, Signal
from freestone.wire import Hello


class Base(DeclarativeBase):
    pass


class OrderRow(Base):
    __tablename__ = "order_of_once"
    number: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str]


class Receipt(Message):
    number: int
    item: str


class SoldOut(FailedPrecondition):
    """There is none left."""

    item: str


class Counter(Contract):
    """Takes orders."""

    @command(raises=[SoldOut])
    async def order(self, item: str, count: int = 1) -> Receipt:
        """Take an order, and return its number."""

    @command
    async def cancel(self, number: int) -> None:
        """Cancel an order."""

    @command
    async def greet(self, name: str) -> str:
        """Do something that needs no database."""


class CounterService(Counter):
    def __init__(self, db: Database) -> None:
        self.db = db
        self.runs = 0
        self.sold_out = False
        self.broken = 0
        """How many runs more come to nothing."""
        self.gate: asyncio.Event | None = None
        self.begun = asyncio.Event()

    async def order(self, item: str, count: int = 1) -> Receipt:
        self.runs += 1
        self.begun.set()
        number = (await self.db.scalar(select(func.count()).select_from(OrderRow)) or 0) + 1
        self.db.add(OrderRow(number=number, item=item))
        await self.db.flush()
        if self.gate is not None:
            await self.gate.wait()
        if self.broken:
            self.broken -= 1
            raise ValueError("a bug")
        if self.sold_out:
            raise SoldOut("no more tea", item=item)
        return Receipt(number, item)

    async def cancel(self, number: int) -> None:
        self.runs += 1
        row = await self.db.get(OrderRow, number)
        if row is None:
            raise NotFound(f"there is no order {number}")
        await self.db.delete(row)

    async def greet(self, name: str) -> str:
        self.runs += 1
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        return f"Hello, {name}, you are number {self.runs}"

    async def orders(self) -> list[str]:
        async with self.db.transaction():
            return list(await self.db.scalars(select(OrderRow.item).order_by(OrderRow.number)))


@dataclass
class Shop:
    counter: Counter
    """What a caller has."""
    service: CounterService
    dispatcher: Dispatcher


@contextlib.asynccontextmanager
async def over_the_wire(dispatcher: Dispatcher) -> AsyncGenerator[Counter]:
    hello, network = Hello(application="town", process="shop", instance="1"), MemoryNetwork()
    server = Server(dispatcher, hello, network=network)
    address = await server.listen(MemoryAddress("shop"))
    pool = Pool(hello, StaticResolver({"shop": [address]}), random=system_random(), network=network)
    try:
        yield client(Counter, WireTransport(pool, "shop", "counter"))
    finally:
        await pool.close()
        await server.close()


async def make_tables(db: Database) -> None:
    async with db.transaction() as transaction:
        await transaction.run(lambda it: it.run_sync(lambda session: Base.metadata.create_all(session.connection())))


S = TypeVar("S", bound=Signal)
Placed = Callable[[], AbstractAsyncContextManager[Shop]]


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the data is."""
    if request.param == "sqlite":
        return str(tmp_path / "shop.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=["local", "codec", "memory"])
def placed(request: pytest.FixtureRequest, where: str) -> Placed:
    """The shop, in each of the ways that need no socket; each time that it is placed it is a process of its own."""

    @contextlib.asynccontextmanager
    async def place() -> AsyncGenerator[Shop]:
        db = Database.open(where, name="shop")
        await db.start()
        await make_tables(db)
        service, dispatcher = CounterService(db), Dispatcher({})
        dispatcher.add("counter", service, replies=db.replies)
        try:
            if request.param == "memory":
                async with over_the_wire(dispatcher) as counter:
                    yield Shop(counter, service, dispatcher)
            else:
                near = {"local": LocalTransport, "codec": CodecTransport}[request.param]
                yield Shop(client(Counter, near(dispatcher, "counter")), service, dispatcher)
        finally:
            await db.close()

    return place


@contextlib.contextmanager
def recalled(kind: type[S] = ReplyRecalled) -> Generator[list[S]]:  # type: ignore[assignment]
    """Collect what is announced."""
    signals: list[S] = []

    def observe(signal: Signal) -> None:
        if isinstance(signal, kind):
            signals.append(signal)

    SIGNALS.subscribe(observe)
    try:
        yield signals
    finally:
        SIGNALS.unsubscribe(observe)


async def test_a_repeated_key_returns_the_first_reply(placed: Placed) -> None:
    """And nothing more happens."""
    async with placed() as shop:
        for _ in range(3):
            with keyed("order-17"):
                assert await shop.counter.order("tea") == Receipt(1, "tea")
        assert await shop.counter.order("rum") == Receipt(2, "rum")
        assert await shop.service.orders() == ["tea", "rum"]
        assert shop.service.runs == 2


async def test_the_reply_outlives_the_process(placed: Placed) -> None:
    async with placed() as shop:
        with keyed("order-17"):
            first = await shop.counter.order("tea")
    async with placed() as shop:
        with keyed("order-17"), recalled() as signals:
            assert await shop.counter.order("tea") == first
        assert [signal.operation for signal in signals] == ["counter.order"]
        assert await shop.service.orders() == ["tea"]
        assert shop.service.runs == 0


async def test_p29_fifty_at_the_same_time_take_effect_once(placed: Placed) -> None:
    """All of them have the one reply."""
    async with placed() as shop, deadline(60):

        async def order() -> Receipt:
            with keyed("order-17"):
                return await shop.counter.order("tea")

        with recalled() as signals:
            receipts = await asyncio.gather(*(order() for _ in range(50)))
        assert receipts == [Receipt(1, "tea")] * 50
        assert await shop.service.orders() == ["tea"]
        assert shop.service.runs == 1
        assert len(signals) == 49


async def test_p29_a_repetition_waits_for_the_first(placed: Placed) -> None:
    """It is not refused, and begins nothing of its own."""
    async with placed() as shop, deadline(60):
        shop.service.gate = asyncio.Event()

        async def order() -> Receipt:
            with keyed("order-17"):
                return await shop.counter.order("tea")

        first = asyncio.create_task(order())
        await shop.service.begun.wait()
        second = asyncio.create_task(order())
        with keyed("order-17"), pytest.raises(DeadlineExceeded):
            async with deadline(0.2):
                await shop.counter.order("tea")
        assert not second.done()
        shop.service.gate.set()
        assert await first == await second == Receipt(1, "tea")
        assert shop.service.runs == 1


async def test_p29_who_waits_takes_over_when_the_first_fails(placed: Placed) -> None:
    """A first that came to nothing is no answer for the others."""
    async with placed() as shop, deadline(60):
        shop.service.gate, shop.service.broken = asyncio.Event(), 1

        async def order() -> Receipt:
            with keyed("order-17"):
                return await shop.counter.order("tea")

        first = asyncio.create_task(order())
        await shop.service.begun.wait()
        others = [asyncio.create_task(order()) for _ in range(5)]
        shop.service.gate.set()
        with pytest.raises(Internal):
            await first
        assert await asyncio.gather(*others) == [Receipt(1, "tea")] * 5
        assert await shop.service.orders() == ["tea"]
        assert shop.service.runs == 2


async def test_p29_other_arguments_are_refused(placed: Placed) -> None:
    async with placed() as shop:
        with keyed("order-17"):
            await shop.counter.order("tea")
            with pytest.raises(KeyReused) as caught:
                await shop.counter.order("rum")
            assert str(caught.value) == (
                "counter.order was called under the key 'order-17' before, with other arguments; "
                "a key is for one command"
            )
            assert await shop.counter.order("tea", 1) == Receipt(1, "tea")  # as it would be without the default
        assert await shop.service.orders() == ["tea"]


async def test_p29_a_key_is_of_one_operation_and_one_identity(placed: Placed) -> None:
    """Nobody gets the reply of somebody else by its key."""
    async with placed() as shop:
        with keyed("17"):
            assert (await shop.counter.order("tea")).number == 1
            await shop.counter.cancel(1)
        for who, number in ((Identity("ada"), 1), (Identity("bob"), 2), (Identity("ada", ("more",)), 1)):
            with acting_as(who), keyed("17"):
                assert (await shop.counter.order("tea")).number == number
        assert shop.service.runs == 4


async def test_the_first_declared_error_is_the_answer(placed: Placed) -> None:
    """With its fields, also when there is no reason for it any more."""
    async with placed() as shop:
        shop.service.sold_out = True
        with keyed("order-17"), pytest.raises(SoldOut) as first:
            await shop.counter.order("tea")
        shop.service.sold_out = False
        with keyed("order-17"), pytest.raises(SoldOut) as second:
            await shop.counter.order("tea")
        assert (str(second.value), second.value.item) == (str(first.value), "tea") == ("no more tea", "tea")
        assert shop.service.runs == 1
        assert await shop.service.orders() == []


async def test_a_canonical_answer_is_kept_as_well(placed: Placed) -> None:
    async with placed() as shop:
        for _ in range(2):
            with keyed("cancel-1"), pytest.raises(NotFound, match="there is no order 1"):
                await shop.counter.cancel(1)
        assert shop.service.runs == 1


async def test_what_is_no_answer_is_tried_again(placed: Placed) -> None:
    """A bug, or a deadline that passed: nothing has happened, and the next one may succeed."""
    async with placed() as shop:
        shop.service.broken = 1
        with keyed("order-17"), pytest.raises(Internal):
            await shop.counter.order("tea")
        shop.service.gate = asyncio.Event()
        with keyed("order-17"), pytest.raises(DeadlineExceeded):
            async with deadline(0.2):
                await shop.counter.order("tea")
        shop.service.gate = None
        with keyed("order-17"):
            assert await shop.counter.order("tea") == Receipt(1, "tea")
        assert shop.service.runs == 3


async def test_a_handler_that_has_not_used_its_database_keeps_its_reply(placed: Placed) -> None:
    async with placed() as shop:
        for _ in range(2):
            with keyed("hello"):
                assert await shop.counter.greet("Ada") == "Hello, Ada, you are number 1"


async def test_p29_another_process_decides_by_the_database(placed: Placed) -> None:
    """Two replicas run it at the same time: one takes effect, and the other answers with its reply."""
    async with placed() as shop, placed() as other, deadline(60):
        shop.service.gate = other.service.gate = asyncio.Event()
        with keyed("hello"), recalled() as signals, recalled(HandlerRepeated) as repeated:
            both = asyncio.gather(shop.counter.greet("Ada"), other.counter.greet("Ada"))
            await asyncio.gather(shop.service.begun.wait(), other.service.begun.wait())
            shop.service.gate.set()
            assert await both == ["Hello, Ada, you are number 1"] * 2
        # On PostgreSQL who comes second loses a race, and finds the reply when it is about to run again.
        assert len(signals) == 1
        assert signals[0].raced or len(repeated) == 1
        assert shop.service.runs + other.service.runs == 2


async def test_an_error_gives_way_to_the_reply_of_another_process(placed: Placed) -> None:
    """Who fails because the first has done it already has not failed."""
    async with placed() as shop, placed() as other:
        await shop.counter.order("tea")

        async def meanwhile(name: str) -> str:
            with keyed("cancel-1"):
                await other.counter.cancel(1)
            return name

        real = shop.service.cancel

        async def cancel(number: int) -> None:
            await meanwhile("bob")
            await real(number)

        shop.service.cancel = cancel  # type: ignore[method-assign]
        shop.dispatcher.add("counter", shop.service, replies=shop.service.db.replies)
        late = client(Counter, LocalTransport(shop.dispatcher, "counter"))
        with keyed("cancel-1"), recalled() as signals:
            await late.cancel(1)
        assert signals[0].raced


async def test_without_a_key_nothing_is_kept(placed: Placed) -> None:
    """A co-located call that nobody can repeat pays for nothing; one over the wire has a key."""
    async with placed() as shop:
        for _ in range(2):
            await shop.counter.greet("Ada")
        async with shop.service.db.transaction() as transaction:
            tables = await transaction.run(
                lambda it: it.run_sync(lambda s: s.connection().dialect.get_table_names(s.connection()))
            )
        near = not isinstance(getattr(shop.counter, "_transport", None), WireTransport)
        assert ("freestone_reply" in tables) is not near
