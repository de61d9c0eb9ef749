from __future__ import annotations

import json
from collections.abc import Callable

from freestone.app import App, describe, plan, render

FILE = """
name = "shop"
[services]
orders = "shop:OrdersService"
prices = "shop:PricesService"
[gateway]
app = "shop:gateway"
[topologies.split]
edge = { gateway = true }
prices = { services = ["prices"], replicas = 2 }
orders = { services = ["orders"], listen = "tcp://0.0.0.0:7000", plaintext = true }
[calls]
deadline = "5s"
[calls.methods]
"prices.price" = { deadline = "250ms" }
"""

OUTSIDE = """
name = "shop"
[services]
orders = "shop:OrdersService"
rates = { contract = "shop:Prices", at = ["tcp://10.0.0.7:7000", "tcp://10.0.0.8:7000"] }
"""


def test_a_plan_is_text_for_people(loaded: Callable[..., App]) -> None:
    assert render(plan(loaded(FILE), "split")) == (
        "shop, placed as split for development: 3 processes\n"
        "\n"
        "edge\n"
        "    (gateway) on http://127.0.0.1:8000\n"
        "        → orders   wire, to process orders\n"
        "prices ×2\n"
        "    prices\n"
        "orders, on tcp://0.0.0.0:7000 in the clear\n"
        "    orders\n"
        "        → prices   wire, to process prices\n"
        "\n"
        "calls: deadline 5s\n"
        "    prices.price: deadline 250ms\n"
        "\n"
        "each process: finds its limit up to 10000 calls at a time, 1000 more wait 1s at most\n"
    )


SCHEDULED = """
from freestone import cron, every
from freestone.contract import Contract, query
from freestone.service import service

class Desk(Contract):
    @query
    async def tally(self) -> int: ...

@service
class DeskService(Desk):
    async def tally(self):
        return 0

    @every("5m", missed="skip", jitter="10s")
    async def close(self): ...

    @cron("0 6 * * 1", tz="Europe/Berlin", name="letters", deadline="10m")
    async def write_letters(self, tick): ...
"""


def test_schedules_are_shown_with_their_service(loaded: Callable[..., App]) -> None:
    file = 'name = "office"\n[services]\ndesk = "office:DeskService"\n'
    made = plan(loaded(file, office=SCHEDULED))
    assert (
        "app\n"
        "    desk\n"
        "        ⟳ close     every 5m, missed skip\n"
        "        ⟳ letters   cron 0 6 * * 1 Europe/Berlin, missed once\n"
    ) in render(made)
    [process] = json.loads(json.dumps(describe(made)))["processes"]
    assert process["schedules"] == [
        {
            "service": "desk", "name": "close", "method": "close", "when": "every 5m", "missed": "skip",
            "deadline": 60.0, "jitter": 10.0,
        },
        {
            "service": "desk", "name": "letters", "method": "write_letters",
            "when": "cron 0 6 * * 1 Europe/Berlin", "missed": "once", "deadline": 600.0, "jitter": 0.0,
        },
    ]  # fmt: skip


def test_local_calls_and_those_to_somebody_else_are_told_apart(loaded: Callable[..., App]) -> None:
    assert "        → prices   local\n" in render(plan(loaded(FILE), "monolith"))


def test_the_addresses_of_somebody_elses_service_are_shown(loaded: Callable[..., App]) -> None:
    text = render(plan(loaded(OUTSIDE)))
    assert text.startswith("shop, placed as monolith for development: 1 process\n")
    assert "        → rates   wire, to tcp://10.0.0.7:7000, tcp://10.0.0.8:7000\n" in text


def test_a_plan_is_json_for_programs(loaded: Callable[..., App]) -> None:
    described = describe(plan(loaded(FILE), "split"))
    assert json.loads(json.dumps(described)) == described
    calls = described.pop("calls")
    assert calls["default"]["retry"] == {"attempts": 3, "first": 0.01, "most": 1.0, "budget": 0.2}
    assert calls["methods"]["prices.price"]["deadline"] == 0.25
    assert described.pop("serve") == {"limit": "adaptive", "calls": 10000, "queue": 1000, "wait": 1.0, "methods": {}}
    assert described.pop("events")["broker"] is None
    assert described.pop("leases") == {}
    assert described == {
        "application": "shop",
        "topology": "split",
        "environment": "development",
        "processes": [
            {
                "name": "edge",
                "services": [],
                "replicas": 1,
                "gateway": "http://127.0.0.1:8000",
                "listen": None,
                "at": [],
                "discovered": False,
                "stage": 0,
                "calls": [{"from": "(gateway)", "to": "orders", "by": "wire", "process": "orders"}],
                "subscriptions": [],
                "schedules": [],
            },
            {
                "name": "prices",
                "services": ["prices"],
                "replicas": 2,
                "gateway": None,
                "listen": None,
                "at": [],
                "discovered": False,
                "stage": 2,
                "calls": [],
                "subscriptions": [],
                "schedules": [],
            },
            {
                "name": "orders",
                "services": ["orders"],
                "replicas": 1,
                "gateway": None,
                "listen": "tcp://0.0.0.0:7000",
                "at": [],
                "discovered": False,
                "stage": 1,
                "calls": [{"from": "orders", "to": "prices", "by": "wire", "process": "prices"}],
                "subscriptions": [],
                "schedules": [],
            },
        ],
        "deadline": 5.0,
        "deadlines": {"prices.price": 0.25},
    }


def test_calls_within_a_process_and_to_somebody_else_are_in_the_json(loaded: Callable[..., App]) -> None:
    (process,) = describe(plan(loaded(OUTSIDE)))["processes"]
    assert process["calls"] == [
        {"from": "orders", "to": "rates", "by": "wire", "at": ["tcp://10.0.0.7:7000", "tcp://10.0.0.8:7000"]}
    ]
    (process,) = describe(plan(loaded(FILE), "monolith"))["processes"]
    assert {"from": "orders", "to": "prices", "by": "local"} in process["calls"]


ANNOUNCING = """
from shop import Orders, Prices
from freestone.service import service

class Publisher:
    __freestone_resource__ = "publisher"

@service
class AnnouncingPrices(Prices):
    events: Publisher

    async def price(self, item):
        return 1
"""


def test_who_carries_events_is_shown(loaded: Callable[..., App]) -> None:
    """In one process nobody else is needed; between several it is NATS; and the file may say it."""
    announcing = FILE.replace('prices = "shop:PricesService"', 'prices = "announcing:AnnouncingPrices"')
    app = loaded(announcing, announcing=ANNOUNCING)
    assert render(plan(app, "monolith")).endswith("\n\nevents: embedded, in JSON, kept 14d\n")
    assert "\n\nevents: by NATS, in JSON, kept 14d; 8 partitions, " in render(plan(app, "split"))
    assert describe(plan(app, "split"))["events"] == {
        "broker": "nats",
        "format": "json",
        "keep": 1209600.0,
        "partitions": 8,
        "replicas": 1,
        "storage": "file",
        "max_bytes": None,
        "duplicate_window": 120.0,
        "most_waiting": 1000000,
        "sync": None,
        "remember": 2592000.0,
    }
    chosen = loaded(announcing + '[events]\nbroker = "nats"\n', announcing=ANNOUNCING)
    assert plan(chosen, "monolith").broker == "nats"


LISTENING = """
name = "shop"
[services]
stock = "listening:StockService"
prices = { contract = "listening:Prices", application = "market", at = "tcp://10.0.0.7:7000" }
"""

LISTENING_CODE = """
from freestone.contract import Contract, Event, command
from freestone.events import subscribe
from freestone.service import service

class Prices(Contract):
    class Changed(Event, key="item"):
        item: str

class Stock(Contract):
    class Sold(Event, key="item", name="ItemSold"):
        item: str

    @command
    async def take(self, item: str) -> None: ...

@service
class StockService(Stock):
    async def take(self, item): ...

    @subscribe(Prices.Changed, start="beginning", name="prices")
    async def reprice(self, event): ...

    @subscribe(Stock.Sold)
    async def reorder(self, event): ...
"""


def test_what_a_service_hears_is_shown_with_whose_it_is(loaded: Callable[..., App]) -> None:
    """By the name that it is kept under; an event of another application is told apart."""
    text = render(plan(loaded(LISTENING, listening=LISTENING_CODE)))

    assert "        ← prices.Changed   prices, from the beginning, of market\n" in text
    assert "        ← stock.ItemSold   reorder, from now on\n" in text
    assert "\nevents: by NATS" in text  # for no other application can read what is embedded in this one


def test_what_a_service_hears_is_described_for_programs(loaded: Callable[..., App]) -> None:
    (process,) = describe(plan(loaded(LISTENING, listening=LISTENING_CODE)))["processes"]

    assert process["subscriptions"][0] == {
        "service": "stock", "name": "prices", "event": "prices.Changed", "application": "market",
        "start": "beginning", "tries": 8, "deadline": 30.0, "on_failure": "wait",
    }  # fmt: skip
