"""A fake is held to the contract: it can't do what no service could."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from freestone.contract import Contract, query
from freestone.errors import FailedPrecondition, Internal, InvalidArgument, Unimplemented
from freestone.testing import fake


class Closed(FailedPrecondition):
    """Nobody is there."""

    until: str


class Shop(Contract):
    """Sells."""

    @query(raises=[Closed])
    async def price(self, item: str, count: int = 1) -> int:
        """Return cents."""

    @query
    def items(self) -> AsyncIterator[str]:
        """Return what there is."""

    @query
    async def weigh(self, unit: str, items: AsyncIterator[int]) -> int:
        """Return what they weigh together."""

    @query
    def echo(self, items: AsyncIterator[int]) -> AsyncIterator[int]:
        """Return each."""


async def test_a_function_is_the_method() -> None:
    """Plain or asynchronous, with the contract's defaults."""

    async def slowly(item: str, count: int) -> int:
        return len(item) * count

    assert await fake(Shop, price=lambda item, count: len(item) * count).price("abc") == 3
    assert await fake(Shop, price=slowly).price("abc", count=2) == 6


async def test_a_stream_may_come_from_any_iterable() -> None:
    """Or from an asynchronous generator."""

    async def generated() -> AsyncIterator[str]:
        yield "tea"

    assert [item async for item in fake(Shop, items=lambda: ["tea", "salt"]).items()] == ["tea", "salt"]
    assert [item async for item in fake(Shop, items=generated).items()] == ["tea"]


async def test_a_declared_error_comes_as_itself() -> None:
    """With its fields."""

    def closed(item: str, count: int) -> int:
        raise Closed(until="Monday")

    with pytest.raises(Closed) as caught:
        await fake(Shop, price=closed).price("tea")
    assert caught.value.until == "Monday"


async def test_an_error_that_no_caller_would_see_is_refused() -> None:
    """A fake that raised it would prove nothing."""

    class Surprise(FailedPrecondition):
        """Not declared."""

    def surprise(item: str, count: int) -> int:
        raise Surprise

    with pytest.raises(
        AssertionError, match=r"fake of Shop\.price raised Surprise, which the contract does not declare"
    ):
        await fake(Shop, price=surprise).price("tea")


async def test_a_result_that_does_not_fit_is_refused() -> None:
    """The codec says so."""
    with pytest.raises(
        Internal, match=r"Shop\.price returned what its contract does not say: Expected `int`, got `str`"
    ):
        await fake(Shop, price=lambda item, count: "much").price("tea")


async def test_an_argument_that_does_not_fit_is_refused() -> None:
    """As it would be over the wire."""
    with pytest.raises(InvalidArgument) as caught:
        await fake(Shop, price=lambda item, count: 1).price(3)  # type: ignore[arg-type]
    assert caught.value.field == "item"


async def test_a_method_that_was_not_given_says_so() -> None:
    """Rather than return something invented."""
    with pytest.raises(Unimplemented, match="this fake of Shop was given no price"):
        await fake(Shop).price("tea")


def test_a_name_that_the_contract_does_not_have_is_refused() -> None:
    """A fake that is out of date is found when it is made."""
    with pytest.raises(TypeError, match="Shop has no operation cost; it has price, items"):
        fake(Shop, cost=lambda: 1)


async def test_a_function_may_take_a_stream() -> None:
    """Whose items go through the codec too."""

    async def numbers(*values: object) -> AsyncIterator[int]:
        for value in values:
            yield value  # type: ignore[misc]

    async def weigh(unit: str, items: AsyncIterator[int]) -> int:
        return sum([item async for item in items])

    async def echo(items: AsyncIterator[int]) -> AsyncIterator[int]:
        async for item in items:
            yield item

    shop = fake(Shop, weigh=weigh, echo=echo)
    assert await shop.weigh("kg", numbers(1, 2)) == 3
    assert [item async for item in shop.echo(numbers(1, 2))] == [1, 2]
    with pytest.raises(InvalidArgument):
        await shop.weigh("kg", numbers("heavy"))
