"""Calls of one turn of the loop are one call; near and far."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from freestone.call import Transport, client, gather
from freestone.contract import Contract, Message, query
from freestone.errors import DeadlineExceeded, Internal, InvalidArgument, NotFound
from freestone.service import ContextField, Identity, acting_as, current, deadline
from freestone.signals import SIGNALS, CallsBatched, Signal

PATIENCE = 10.0
SHELF = ContextField[str]("test-batching-shelf", default="")
Served = Callable[[object], AbstractAsyncContextManager[Transport]]


class Price(Message):
    """What something costs, with something in it that can change."""

    item: str
    steps: list[int] = []


class Shop(Contract):
    """Sells things, many at once."""

    @query(batch=5)
    async def prices(self, items: tuple[str, ...], currency: str = "EUR") -> tuple[Price, ...]:
        """Return what each costs."""
        ...

    @query(batch=True)
    async def sizes(self, unit: str, items: list[str]) -> list[int]:
        """Return how large each is."""
        ...

    @query
    async def plain(self, items: tuple[str, ...]) -> tuple[str, ...]:
        """Return the items."""
        ...


class ShopService(Shop):
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.remaining: list[float] = []
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def prices(self, items: tuple[str, ...], currency: str = "EUR") -> tuple[Price, ...]:
        context = current()
        assert context is not None
        self.calls.append((items, currency, context.identity.subject if context.identity else "", SHELF.get()))
        self.remaining.append(context.remaining())
        if "wait" in items:
            self.began.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
        if "missing" in items:
            raise NotFound("there is no such thing")
        if "odd" in items:
            raise InvalidArgument("that is odd", field="items")
        return tuple(Price(item, [len(item)]) for item in items if item != "lost")

    async def sizes(self, unit: str, items: list[str]) -> list[int]:
        assert type(items) is list
        self.calls.append((items, unit))
        return [len(item) for item in items]

    async def plain(self, items: tuple[str, ...]) -> tuple[str, ...]:
        self.calls.append((items,))
        return items


@pytest.fixture
async def placed(served: Served) -> AsyncGenerator[tuple[Shop, ShopService]]:
    service = ShopService()
    async with served(service) as transport:
        yield client(Shop, transport), service


Placed = tuple[Shop, ShopService]


async def soon(awaitable: Awaitable[Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await awaitable


async def test_calls_of_one_turn_are_one_call(placed: Placed) -> None:
    """Each caller gets its part."""
    shop, service = placed
    one, two, three = await gather(shop.prices(("a", "bb")), shop.prices(()), shop.prices(("ccc",)))
    assert one == (Price("a", [1]), Price("bb", [2]))
    assert (two, three) == ((), (Price("ccc", [3]),))
    assert service.calls == [(("a", "bb", "ccc"), "EUR", "", "")]
    assert await shop.prices(("d",)) == (Price("d", [1]),)
    assert len(service.calls) == 2


async def test_lists_are_lists(placed: Placed) -> None:
    """The items, and the parts of the result; wherever the parameter is."""
    shop, service = placed
    assert await gather(shop.sizes("cm", ["a"]), shop.sizes("cm", ["bb", "c"])) == ([1], [2, 1])
    assert service.calls == [(["a", "bb", "c"], "cm")]


async def test_other_arguments_keep_calls_apart(placed: Placed) -> None:
    """They are the same for a whole batch."""
    shop, service = placed
    await gather(shop.prices(("a",)), shop.prices(("b",), "SEK"), shop.prices(("c",), currency="EUR"))
    assert sorted(service.calls) == [(("a", "c"), "EUR", "", ""), (("b",), "SEK", "", "")]


async def test_who_asks_keeps_calls_apart(placed: Placed) -> None:
    """So do context fields: a callee must not mistake one caller for another."""
    shop, service = placed

    async def ask(subject: str, shelf: str, item: str) -> tuple[Price, ...]:
        with acting_as(Identity(subject)), SHELF.set(shelf):
            return await shop.prices((item,))

    await gather(ask("ada", "x", "a"), ask("ada", "x", "b"), ask("bob", "x", "c"), ask("ada", "y", "d"))
    assert sorted(service.calls) == [
        (("a", "b"), "EUR", "ada", "x"), (("c",), "EUR", "bob", "x"), (("d",), "EUR", "ada", "y"),
    ]  # fmt: skip


async def test_a_batch_has_a_size(placed: Placed) -> None:
    """Calls that have no room go with the next one; one that is larger by itself goes alone."""
    shop, service = placed
    await gather(*[shop.prices(tuple(str(number) for number in range(count))) for count in (3, 2, 1, 7)])
    assert sorted(len(items) for items, *_ in service.calls) == [1, 5, 7]


async def test_an_error_goes_to_everybody(placed: Placed) -> None:
    """To each one of its own."""
    shop, service = placed
    found = await asyncio.gather(shop.prices(("a",)), shop.prices(("missing",)), return_exceptions=True)
    assert [type(error) for error in found] == [NotFound, NotFound]
    assert found[0] is not found[1]
    assert str(found[0]) == "there is no such thing"
    assert len(service.calls) == 1


async def test_a_wrong_argument_reaches_whoever_is_at_fault(placed: Placed) -> None:
    """The others are asked for alone."""
    shop, _ = placed
    one, two = await asyncio.gather(shop.prices(("a",)), shop.prices(("odd",)), return_exceptions=True)
    assert one == (Price("a", [1]),)
    assert isinstance(two, InvalidArgument)


async def test_what_is_no_sequence_is_refused(placed: Placed) -> None:
    """By the contract, as without a batch."""
    shop, _ = placed
    wrong: Any = None
    with pytest.raises((InvalidArgument, Internal)):
        await shop.sizes("cm", wrong)


async def test_a_result_of_the_wrong_length_is_a_bug_of_the_service(placed: Placed) -> None:
    """It says so."""
    shop, _ = placed
    with pytest.raises(
        Internal,
        match=r"Shop\.prices returned 1 results for 2 items; it is declared with batch, and returns one for each",
    ):
        await shop.prices(("a", "lost"))


async def test_a_caller_that_is_cancelled_does_not_cancel_the_others(placed: Placed) -> None:
    """The last one does."""
    shop, service = placed
    one = asyncio.ensure_future(shop.prices(("wait",)))
    two = asyncio.ensure_future(shop.prices(("b",)))
    await soon(service.began.wait())
    one.cancel()
    await soon(asyncio.wait([one]))
    assert not service.cancelled.is_set()
    two.cancel()
    await soon(service.cancelled.wait())


async def test_a_caller_that_is_cancelled_at_once_is_not_in_the_batch(placed: Placed) -> None:
    """Its items are not asked for."""
    shop, service = placed
    one = asyncio.ensure_future(shop.prices(("gone",)))
    two = asyncio.ensure_future(shop.prices(("b",)))
    await asyncio.sleep(0)
    one.cancel()
    assert await soon(two) == (Price("b", [1]),)
    assert service.calls == [(("b",), "EUR", "", "")]


async def test_each_caller_keeps_its_own_deadline(placed: Placed) -> None:
    """The batch has the latest."""
    shop, service = placed

    async def ask(seconds: float) -> None:
        async with deadline(seconds):
            await shop.prices(("wait",))

    patient = asyncio.ensure_future(ask(60))
    with pytest.raises(DeadlineExceeded):
        await soon(ask(0.05))
    await soon(service.began.wait())  # after a pause of this process, the deadline may have passed before
    assert not service.cancelled.is_set()
    assert len(service.calls) == 1
    assert 50 < service.remaining[0] <= 60
    patient.cancel()
    await soon(service.cancelled.wait())


async def test_a_deadline_that_has_passed_begins_nothing(placed: Placed) -> None:
    """As without a batch."""
    shop, service = placed
    with pytest.raises(DeadlineExceeded):
        async with deadline(0):
            await shop.prices(("a",))
    assert service.calls == []


async def test_nothing_mutable_is_shared(placed: Placed) -> None:
    """Arguments are taken at the call, and what one caller does to its part is its own."""
    shop, _ = placed
    items = ["a"]
    call = shop.sizes("cm", items)
    items.append("bb")
    assert await call == [1]
    one, two = await gather(shop.prices(("a",)), shop.prices(("a",)))
    one[0].steps.append(2)
    assert two[0].steps == [1]


async def test_batches_are_announced(placed: Placed) -> None:
    """With the calls and the items that they have."""
    shop, _ = placed
    heard: list[Signal] = []
    SIGNALS.subscribe(heard.append)
    try:
        await gather(shop.prices(("a", "b")), shop.prices(("c",)))
    finally:
        SIGNALS.unsubscribe(heard.append)
    assert [signal for signal in heard if isinstance(signal, CallsBatched)] == [CallsBatched("Shop.prices", 2, 3)]


async def test_other_methods_do_not_pass_through(placed: Placed) -> None:
    """Their calls are not put together."""
    shop, service = placed
    await gather(shop.plain(("a",)), shop.plain(("b",)))
    assert len(service.calls) == 2
