"""What a process is told of the services that it does not hold, and what it imports then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from freestone.app import App, ExternalRoute, LocalRoute, Outline, PeerRoute, load, load_process, plan
from freestone.errors import ConfigurationError

FILE = """
name = "shop"
[services]
orders   = "orders:OrdersService"
prices   = "prices:PricesService"
stock    = "stock:StockService"
payments = { contract = "payments:Payments", application = "bank", at = "tcp://10.0.0.7:7000" }
rates    = { contract = "rates:Rates", at = "tcp://10.0.0.8:7000" }
[gateway]
app = "gate:gateway"
[settings.prices]
nothing = 1
[topologies.split]
edge   = { gateway = true }
orders = { services = ["orders", "stock"], replicas = 2 }
prices = { services = ["prices"] }
"""

MODULES = {
    "promises": """
        from freestone.contract import Contract, Event, command, query

        class Prices(Contract):
            class Changed(Event, key="item"):
                item: str

            @query
            async def price(self, item: str) -> int: ...

        class Orders(Contract):
            @query
            async def total(self, order: str) -> int: ...

        class Stock(Contract):
            @command
            async def take(self, item: str) -> None: ...
    """,
    "payments": """
        from freestone.contract import Contract, query

        class Payments(Contract):
            @query
            async def paid(self, order: str) -> bool: ...
    """,
    "rates": """
        from freestone.contract import Contract, query

        class Rates(Contract):
            @query
            async def rate(self, currency: str) -> float: ...
    """,
    "orders": """
        from freestone.service import service
        from promises import Orders, Prices, Stock
        from payments import Payments

        @service
        class OrdersService(Orders):
            prices: Prices
            stock: Stock
            payments: Payments

            async def total(self, order): ...
    """,
    "prices": """
        from freestone.service import Settings, service
        from promises import Prices

        class PricesSettings(Settings):
            nothing: int = 0

        @service
        class PricesService(Prices):
            settings: PricesSettings

            async def price(self, item): ...
    """,
    "stock": """
        from freestone.events import subscribe
        from freestone.service import service
        from promises import Prices, Stock

        @service
        class StockService(Stock):
            async def take(self, item): ...

            @subscribe(Prices.Changed)
            async def reprice(self, event): ...
    """,
    "gate": """
        from promises import Orders

        class Gate:
            needs = (Orders,)

            async def open(self, clients, sock, deadline): ...

        gateway = Gate()
    """,
}

Parts = Callable[[str], App]


@pytest.fixture
def file(written: Callable[..., Path]) -> Path:
    """Write an application with a module for each service, two of somebody else's, and a gateway."""
    return written(FILE, **MODULES)


@pytest.fixture
def outline(file: Path) -> Outline:
    """Outline it, as the run does, and hand that on as it does; nothing of it is left imported."""
    outlined = Outline.decode(Outline.of(plan(load(file), "split")).encode())
    for name in MODULES:
        sys.modules.pop(name, None)
    return outlined


@pytest.fixture
def part(file: Path, outline: Outline) -> Parts:
    """Load the application as a process of it does."""
    return lambda process: load_process(file, "split", process, outline)


@pytest.mark.parametrize(
    ("process", "imported"),
    [
        ("orders", {"orders", "stock", "promises", "payments"}),
        ("prices", {"prices", "promises"}),
        ("edge", {"gate", "promises"}),
    ],
)
def test_a_process_imports_what_it_holds_and_the_contracts_that_it_calls(
    part: Parts, process: str, imported: set[str]
) -> None:
    """No other service, no gateway that is elsewhere, and no contract of somebody else's that it does not call."""
    part(process)
    assert MODULES.keys() & sys.modules.keys() == imported


@pytest.mark.parametrize("broken", ["prices", "gate", "rates"])
def test_code_that_a_process_does_not_hold_may_be_broken(file: Path, part: Parts, broken: str) -> None:
    """Each service is deployed alone: nothing of another one's can keep it from starting."""
    (file.parent / f"{broken}.py").write_text("def (")
    assert list(part("orders").services) == ["stock", "orders"]


def test_a_mistake_in_its_own_code_is_told(file: Path, part: Parts) -> None:
    (file.parent / "stock.py").write_text("def (")
    with pytest.raises(ConfigurationError, match=r'services\.stock: "stock" does not import: SyntaxError'):
        part("orders")


@pytest.mark.parametrize("process", ["edge", "orders", "prices"])
def test_a_process_is_planned_as_in_the_whole_application(file: Path, part: Parts, process: str) -> None:
    """What it holds, in which order it starts that, whom it calls and how: all but when it is drained, as the run does
    that."""
    known = plan(part(process), "split")
    whole = plan(load(file), "split")
    mine = whole.process(process)
    assert replace(known.process(process), stage=0, gateway=None) == replace(mine, stage=0, gateway=None)
    assert (known.process(process).gateway is None) == (mine.gateway is None)
    assert [(it.name, it.replicas) for it in known.processes] == [(it.name, it.replicas) for it in whole.processes]


def test_what_others_keep_is_called_where_they_are(part: Parts) -> None:
    """By the names that the run has given to those that keep it, as it can't be read off their code."""
    app = part("orders")
    import payments
    import promises

    assert app.services["orders"].calls == {"prices": "prices", "stock": "stock", "payments": "payments"}
    assert app.kept_by == {
        promises.Orders: "orders",
        promises.Stock: "stock",
        promises.Prices: "prices",
        payments.Payments: "payments",
    }
    assert [it.application for it in app.externals.values()] == ["bank"]
    routes = plan(app, "split").process("orders").routes
    assert routes["stock"] == LocalRoute()
    assert routes["prices"] == PeerRoute("prices")
    assert isinstance(routes["payments"], ExternalRoute)


def test_an_event_is_heard_from_the_service_that_keeps_its_contract(part: Parts) -> None:
    app = part("orders")
    (heard,) = app.services["stock"].subscriptions
    assert (heard.source.application, heard.source.service, heard.type) == ("shop", "prices", "prices.Changed")


@pytest.mark.parametrize("process", ["edge", "orders", "prices"])
def test_the_run_has_decided_who_carries_the_events(part: Parts, process: str) -> None:
    """It takes all of the application to know, and a process knows a part."""
    assert part(process).events.broker == "nats"


def test_a_service_that_calls_what_nobody_kept_when_the_run_began_is_refused(file: Path, part: Parts) -> None:
    """As anywhere: the sentence says who needs what."""
    code = (file.parent / "orders.py").read_text().replace("stock: Stock", "stock: Stock\n    new: New")
    code = code.replace(
        "from payments", "from freestone.contract import Contract\nclass New(Contract): ...\nfrom payments"
    )
    (file.parent / "orders.py").write_text(code)
    with pytest.raises(ConfigurationError, match=r"no service keeps New, and OrdersService\.new needs it"):
        part("orders")


def test_a_process_that_the_file_has_not_any_more_imports_nothing(part: Parts) -> None:
    """What it is told then is what it is told of the topology."""
    app = part("ghost")
    assert not app.services
    with pytest.raises(ConfigurationError, match='split has no process "ghost"'):
        plan(app, "split").process("ghost")
