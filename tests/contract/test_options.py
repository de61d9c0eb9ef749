"""What decorators say of an operation, besides its kind and its errors."""

from __future__ import annotations

import pytest

from freestone.contract import Contract, Event, Options, command, fingerprint, operations, query, render, schema


class Shop(Contract):
    """Prices of things."""

    class Sold(Event, key="item"):
        item: str

    class Built(Event, key="place"):
        place: int

    @query
    async def plain(self, item: str) -> int:
        """Declare nothing."""
        ...

    @command(raises=[])
    async def sell(self, item: str) -> None:
        """Declare nothing either."""
        ...

    @query(batch=True)
    async def prices(self, currency: str, items: tuple[str, ...]) -> tuple[int, ...]:
        """Return a price for each item."""
        ...

    @query(batch=7, cache="2m", key="items", shared=True, until=Sold)
    async def sizes(self, items: list[str], unit: str = "cm") -> list[int]:
        """Return a size for each item."""
        ...

    @query(cache=0.5, until=[Sold, Built, Sold])
    async def stock(self, item: str, place: str = "") -> int:
        """Return how many there are."""
        ...

    @query(route_by="place")
    async def near(self, item: str, place: int) -> int:
        """Return how many there are at a place."""
        ...

    @command(idempotent=True, route_by="item")
    async def rename(self, item: str, name: str) -> None:
        """Give a thing a name."""
        ...


def options(name: str) -> Options:
    return operations(Shop)[name].options


def test_an_operation_that_says_nothing_has_no_options() -> None:
    """And shares the record of those."""
    assert options("plain") is options("sell")
    assert options("plain") == Options()
    assert not options("plain").layered


def test_a_batch_has_a_size_and_a_parameter() -> None:
    """The one that is a sequence."""
    assert (options("prices").batch, options("prices").batched) == (100, 1)
    assert (options("sizes").batch, options("sizes").batched) == (7, 0)
    assert options("prices").layered


def test_a_cache_has_a_time_and_a_key() -> None:
    """In seconds; the key is every parameter unless it is said, and a name alone is enough."""
    assert (options("stock").cache, options("stock").key, options("stock").shared) == (0.5, ("item", "place"), False)
    assert (options("sizes").cache, options("sizes").key, options("sizes").shared) == (120.0, ("items",), True)


def test_a_cache_may_end_with_an_event() -> None:
    """That names which results it is about, if its key is a parameter that they depend on, of the same type."""
    stock, sizes = operations(Shop)["stock"], operations(Shop)["sizes"]
    assert (stock.options.until, sizes.options.until) == ((Shop.Sold, Shop.Built), (Shop.Sold,))
    assert stock.narrowed_by(Shop.Sold) == "item"
    assert stock.narrowed_by(Shop.Built) is None  # there the place is a number, and here it is a text
    assert sizes.narrowed_by(Shop.Sold) is None


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("prices", "batch 100"),
        ("sizes", "batch 7, cache 2m, key items, shared, until Sold"),
        ("stock", "cache 500ms, key item place, until Sold Built"),
    ],
)
def test_options_are_shown(name: str, line: str) -> None:
    """Below what the method says of itself."""
    shown = render(Shop)
    assert f"    {operations(Shop)[name].doc}\n    {line}\n" in shown


def test_options_are_in_the_schema() -> None:
    """By their names in the decorator."""
    described = schema(Shop)["operations"]
    assert described["plain"]["options"] == {}
    assert described["sizes"]["options"] == {
        "batch": 7,
        "cache": "2m",
        "key": ["items"],
        "shared": True,
        "until": ["Sold"],
    }


def test_options_are_no_part_of_a_fingerprint() -> None:
    """They are for a client; what crosses is the same, and a changed one is no other contract."""

    class Shop(Contract):
        @query
        async def stock(self, item: str, place: str = "") -> int:
            """Return how many there are."""
            ...

    plain = Shop

    class Shop(Contract):  # type: ignore[no-redef]
        @query(cache="30s", key="item")
        async def stock(self, item: str, place: str = "") -> int:
            """Return how many there are."""
            ...

    assert fingerprint(plain) == fingerprint(Shop)


def test_a_parameter_may_decide_which_replica_serves_a_call() -> None:
    """It is found by its place when a call is made."""
    assert (options("near").route_by, options("near").routed) == ("place", 1)
    assert options("rename").given() == {"idempotent": True, "route_by": "item"}
    assert options("rename").described() == "idempotent, route_by item"
    assert not options("rename").layered


def test_an_option_that_a_decorator_does_not_have_is_refused() -> None:
    """As any function refuses an argument that it does not take."""
    with pytest.raises(TypeError, match=r"command\(\) got an unexpected keyword argument 'cache'"):
        command(cache="30s")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"query\(\) got an unexpected keyword argument 'idempotent'"):
        query(idempotent=True)  # type: ignore[call-overload]
