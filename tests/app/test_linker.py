from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from freestone.app import App, load
from freestone.call import TcpAddress

FILE = """
name = "shop"
[services]
orders = "shop:OrdersService"
prices = "shop:PricesService"
payments = { contract = "shop:Payments", at = "tcp://10.0.0.7:7000" }
[gateway]
app = "shop:gateway"
"""


def test_an_application_has_the_classes_that_its_file_names(loaded: Callable[..., App]) -> None:
    app = loaded(FILE)
    shop = sys.modules["shop"]
    assert app.name == "shop"
    assert app.services["orders"].cls is shop.OrdersService
    assert app.services["orders"].contract is shop.Orders
    assert app.services["orders"].calls == {"prices": "prices"}
    assert app.services["orders"].settings is shop.OrdersSettings
    assert app.services["prices"].settings is None
    assert app.externals["payments"].contract is shop.Payments
    assert app.externals["payments"].at == (TcpAddress("10.0.0.7", 7000),)
    assert app.gateway is not None
    assert app.gateway.entrance is shop.gateway
    assert app.gateway.calls == ("orders",)
    assert app.kept_by == {shop.Orders: "orders", shop.Prices: "prices", shop.Payments: "payments"}


def test_services_are_in_the_order_of_their_dependencies(loaded: Callable[..., App]) -> None:
    assert list(loaded(FILE).services) == ["prices", "orders"]


def test_the_default_topology_is_the_first_of_the_file(loaded: Callable[..., App]) -> None:
    assert loaded(FILE).default_topology == "monolith"
    app = loaded(
        FILE + '[topologies.split]\na = { services = ["orders"], gateway = true }\nb = { services = "prices" }'
    )
    assert app.default_topology == "split"


def test_the_file_is_found_upwards_of_a_directory(written: Callable[..., Path]) -> None:
    directory = written(FILE).parent / "deep"
    directory.mkdir()
    assert load(cwd=directory).directory == directory.parent


def test_the_directory_of_the_file_is_importable_once(written: Callable[..., Path]) -> None:
    file = written(FILE)
    load(file)
    load(file)
    assert sys.path.count(str(file.parent)) == 1


def test_a_module_that_is_missing_is_told(mistakes: Callable[..., list[str]]) -> None:
    assert mistakes('name = "shop"\n[services]\nprices = "shp:PricesService"') == [
        "freestone.toml:3: services.prices: \"shp\" does not import: ModuleNotFoundError: No module named 'shp'"
    ]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import json\n\nx = 1 / 0\n", "ZeroDivisionError: division by zero (broken.py:3)"),
        ("import json\n\nx = = 1\n", "SyntaxError: invalid syntax (broken.py:3)"),
        ("import deeper\n", "ImportError: cannot import name 'nothing' from 'json'"),
        ("import json\njson.loads('{')\n", "JSONDecodeError: Expecting property name"),
        ("raise SystemExit(3)\n", "SystemExit: 3 (broken.py:1)"),
        ("raise ValueError\n", "ValueError (broken.py:1)"),
    ],
)
def test_what_fails_in_a_module_is_told_with_its_place(
    mistakes: Callable[..., list[str]], source: str, said: str
) -> None:
    lines = mistakes(
        'name = "shop"\n[services]\nprices = "broken:S"', broken=source, deeper="from json import nothing\n"
    )
    assert len(lines) == 1
    assert lines[0].startswith('freestone.toml:3: services.prices: "broken" does not import: ')
    assert said in lines[0]


def test_the_place_of_a_failure_is_where_it_was_raised(mistakes: Callable[..., list[str]]) -> None:
    lines = mistakes(
        'name = "shop"\n[services]\nprices = "broken:S"',
        broken="import deeper\n",
        deeper="\nfrom json import nothing\n",
    )
    assert lines[0].endswith("(deeper.py:2)")


def test_mistakes_in_a_contract_are_told_where_they_are(mistakes: Callable[..., list[str]]) -> None:
    source = """
    from freestone.contract import Contract, query

    class Prices(Contract):
        @query
        async def price(self, item) -> int:
            '''Return the price.'''
    """
    lines = mistakes('name = "shop"\n[services]\nprices = "broken:S"', broken=source)
    assert any(line.startswith("broken.py:") and "Prices.price" in line for line in lines)
    assert 'freestone.toml:3: services.prices: "broken" has mistakes in it; see there' in lines


def test_a_class_that_is_missing_has_the_nearest_proposed(mistakes: Callable[..., list[str]]) -> None:
    assert mistakes('name = "shop"\n[services]\nprices = "shop:PriceService"') == [
        'freestone.toml:3: services.prices: "shop" has no PriceService; did you mean "PricesService"?'
    ]


@pytest.mark.parametrize("name", ["SHOP", "Orders", "gateway", "query"])
def test_what_is_no_service_is_refused(mistakes: Callable[..., list[str]], name: str) -> None:
    lines = mistakes(f'name = "shop"\n[services]\nprices = "other:{name}"', other="from shop import *\nSHOP = 1\n")
    assert lines == [
        f"freestone.toml:3: services.prices: other:{name} is no service; "
        "decorate the class with @service, and derive it from its contract"
    ]


def test_two_services_can_not_keep_one_contract(mistakes: Callable[..., list[str]]) -> None:
    lines = mistakes("""
        name = "shop"
        [services]
        prices = "shop:PricesService"
        other = "shop:PricesService"
        payments = { contract = "shop:Prices", at = "tcp://10.0.0.7:7000" }
    """)
    assert lines == [
        "freestone.toml:4: services.prices: it keeps Prices, which payments keeps already; "
        "a contract is kept by one service; take one of them out",
        "freestone.toml:5: services.other: it keeps Prices, which payments keeps already; "
        "a contract is kept by one service; take one of them out",
    ]


def test_the_contract_of_somebody_else_must_be_one(mistakes: Callable[..., list[str]]) -> None:
    lines = mistakes(FILE.replace("shop:Payments", "shop:PricesService"))
    assert lines == [
        "freestone.toml:6: services.payments.contract: shop:PricesService is no contract; "
        "name a class that derives from Contract"
    ]


def test_a_dependency_that_nothing_serves_is_told(mistakes: Callable[..., list[str]]) -> None:
    assert mistakes('name = "shop"\n[services]\norders = "shop:OrdersService"') == [
        "freestone.toml:3: services.orders: no service keeps Prices, and OrdersService.prices needs it; "
        'add the service that keeps Prices to [services], or { contract = "…:Prices", at = "…" }'
    ]


def test_what_the_gateway_needs_must_be_served(mistakes: Callable[..., list[str]]) -> None:
    lines = mistakes('name = "shop"\nservices.prices = "shop:PricesService"\n[gateway]\napp = "shop:gateway"')
    assert lines[0].startswith("freestone.toml:4: gateway.app: no service keeps Orders, and the gateway calls it")


def test_what_a_service_needs_is_not_missed_while_another_does_not_import(mistakes: Callable[..., list[str]]) -> None:
    assert len(mistakes('name = "shop"\n[services]\norders = "shop:OrdersService"\nprices = "shop:Pricess"')) == 1


def test_a_dependency_may_be_served_by_somebody_else(loaded: Callable[..., App]) -> None:
    app = loaded("""
        name = "shop"
        [services]
        orders = "shop:OrdersService"
        rates = { contract = "shop:Prices", at = ["tcp://10.0.0.7:7000", "tcp://10.0.0.8:7000"] }
    """)
    assert app.services["orders"].calls == {"prices": "rates"}


def test_what_is_no_gateway_is_refused(mistakes: Callable[..., list[str]]) -> None:
    lines = mistakes(FILE.replace("shop:gateway", "shop:Gate"))
    assert lines == ["freestone.toml:8: gateway.app: shop:Gate is no gateway; name a Gateway(…)"]


def test_services_that_call_each_other_in_a_circle_are_told(mistakes: Callable[..., list[str]]) -> None:
    source = """
    from freestone.contract import Contract, query
    from freestone.service import service

    class Hen(Contract):
        @query
        async def eggs(self) -> int:
            '''Return how many eggs there are.'''

    class Egg(Contract):
        @query
        async def hens(self) -> int:
            '''Return how many hens there are.'''

    @service
    class HenService(Hen):
        egg: Egg
        async def eggs(self): return 0

    @service
    class EggService(Egg):
        hen: Hen
        async def hens(self): return 0
    """
    lines = mistakes('name = "shop"\n[services]\nhen = "farm:HenService"\negg = "farm:EggService"', farm=source)
    assert len(lines) == 1
    assert "hen → egg → hen" in lines[0]


def test_an_unknown_method_under_calls_is_told(mistakes: Callable[..., list[str]]) -> None:
    lines = mistakes(FILE + '[calls.methods]\n"prices.prize" = { deadline = "1s" }')
    assert lines == [
        'freestone.toml:10: calls.methods."prices.prize": Prices has no method "prize"; did you mean "price"?'
    ]


def test_an_unknown_method_under_serve_is_told(mistakes: Callable[..., list[str]]) -> None:
    """So that a limit is not missing under load because of a slip."""
    lines = mistakes(FILE + '[serve.methods]\n"prices.prize" = { calls = 1 }')
    assert lines == [
        'freestone.toml:10: serve.methods."prices.prize": Prices has no method "prize"; did you mean "price"?'
    ]


def test_a_stream_under_serve_is_told(mistakes: Callable[..., list[str]]) -> None:
    """It would be a limit that nothing keeps."""
    source = """
    from collections.abc import AsyncIterator
    from freestone import Contract, query, service

    class Feed(Contract):
        @query
        def news(self) -> AsyncIterator[int]: ...

    @service
    class FeedService(Feed):
        async def news(self):
            yield 1
    """
    lines = mistakes(
        'name = "shop"\n[services]\nfeed = "feed:FeedService"\n[serve.methods]\n"feed.news" = { calls = 1 }',
        feed=source,
    )
    assert lines == [
        'freestone.toml:5: serve.methods."feed.news": news streams, and a stream holds no place; take it out'
    ]


STREAMS = """
from collections.abc import AsyncIterator
from freestone import Contract, command, query, service

class Feed(Contract):
    @query
    def news(self) -> AsyncIterator[int]: ...
    @query
    async def told(self, lines: AsyncIterator[str]) -> int: ...
    @query
    async def first(self) -> int: ...
    @command
    async def write(self, line: str) -> None: ...

@service
class FeedService(Feed):
    async def news(self):
        yield 1
    async def told(self, lines): return 1
    async def first(self): return 1
    async def write(self, line): ...
"""
FEED = 'name = "shop"\n[services]\nfeed = "feed:FeedService"\n'


@pytest.mark.parametrize(
    ("method", "why"),
    [
        ("news", "news streams, and only single answers are hedged"),
        ("told", "told streams, and only single answers are hedged"),
        ("write", "write is a command, and only queries are hedged"),
    ],
)
def test_a_hedge_that_would_do_nothing_is_told(mistakes: Callable[..., list[str]], method: str, why: str) -> None:
    """Whoever wrote it expects a second request."""
    lines = mistakes(f'{FEED}[calls.methods]\n"feed.{method}" = {{ hedge = true }}', feed=STREAMS)
    assert lines == [f'freestone.toml:5: calls.methods."feed.{method}".hedge: {why}; take it out']


def test_a_hedge_may_be_turned_off_where_there_is_none(loaded: Callable[..., App]) -> None:
    """Of a service whose queries are hedged."""
    methods = '"feed.news" = { hedge = false }\n"feed.write" = { hedge = false }\n"feed.first" = { hedge = true }'
    app = loaded(f"{FEED}[calls.services.feed]\nhedge = true\n[calls.methods]\n{methods}", feed=STREAMS)
    assert [app.policies.of(f"feed.{name}").hedge is None for name in ("news", "write", "first")] == [True, True, False]


def test_the_methods_of_somebody_elses_service_may_have_deadlines(loaded: Callable[..., App]) -> None:
    app = loaded(FILE + '[calls.methods]\n"payments.paid" = { deadline = "1s" }')
    assert app.deadlines.limit("payments.paid") == 1.0


def test_settings_must_fit_the_record_of_the_service(mistakes: Callable[..., list[str]]) -> None:
    lines = mistakes(FILE + '[settings.orders]\nlimit = "many"\nlimt = 3\n[settings.prices]\nround = true')
    assert lines == [
        "freestone.toml:10: settings.orders.limit: it does not fit: expected `int`, got `str`",
        'freestone.toml:11: settings.orders.limt: OrdersSettings has no such field; did you mean "limit"?',
        "freestone.toml:12: settings.prices: PricesService has no settings; "
        "give PricesService an attribute whose type derives from Settings, or take them out",
    ]


def test_somebody_elses_service_has_no_settings_here(mistakes: Callable[..., list[str]]) -> None:
    lines = mistakes(FILE + "[settings.payments]\nkey = 1")
    assert lines[0].startswith('freestone.toml:9: settings.payments: there is no service "payments" to set')


def test_mistakes_of_the_file_and_of_the_code_are_told_together(mistakes: Callable[..., list[str]]) -> None:
    lines = mistakes(
        """
        nam = "shop"
        [services]
        orders = "shop:OrderService"
        prices = "broken:S"
        [topologies.split]
        a = { services = ["orders"] }
    """,
        broken="1 / 0",
    )
    assert [line.split(": ")[1] for line in lines] == [
        "name", "nam", "services.orders", "services.prices", "topologies.split"
    ]  # fmt: skip


HEARING = """
from freestone.contract import Contract, Event, command
from freestone.events import subscribe
from freestone.service import service

class Rates(Contract):
    class Changed(Event, key="currency"):
        currency: str

class Stock(Contract):
    @command
    async def take(self, item: str) -> None: ...

@service
class StockService(Stock):
    async def take(self, item): ...

    @subscribe(Rates.Changed)
    async def reprice(self, event): ...
"""


def test_a_subscription_is_linked_to_the_service_that_keeps_the_contract_of_its_event(
    loaded: Callable[..., App],
) -> None:
    """Also to one of another application, by the name that it has there."""
    app = loaded(
        """
        name = "shop"
        [services]
        stock = "hearing:StockService"
        rates = { contract = "hearing:Rates", application = "bank", at = "tcp://10.0.0.7:7000" }
        """,
        hearing=HEARING,
    )

    (spec,) = app.services["stock"].subscriptions

    assert (spec.source.application, spec.source.service, spec.type) == ("bank", "rates", "rates.Changed")
    assert spec.subscription.method == "reprice"


def test_a_subscription_to_an_event_that_nobody_announces_is_a_mistake(mistakes: Callable[..., list[str]]) -> None:
    """The service that keeps its contract is to be named, here or elsewhere."""
    (line,) = mistakes('name = "shop"\n[services]\nstock = "hearing:StockService"\n', hearing=HEARING)

    assert line == (
        "freestone.toml:3: services.stock: no service keeps Rates, and StockService.reprice is subscribed to its event "
        'Changed; add the service that keeps Rates to [services], or { contract = "…:Rates", at = "…" }'
    )
