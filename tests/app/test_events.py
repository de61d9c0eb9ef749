"""What a process has for the events of its services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from freestone.app import App, Host, Outline, Process, Topology, load, load_process, local, monolith, place, plan
from freestone.app.events import kept_in_process, part_of
from freestone.contract import Contract, Event, operations, query
from freestone.errors import ConfigurationError
from freestone.events import Source, subscribe
from freestone.service import service

SOURCE = '''
from freestone import Contract, Event, Publisher, command, query, service, subscribe

class Orders(Contract):
    class Placed(Event, key="order"):
        order: str

    @command
    async def place(self, order: str) -> None:
        """Place an order. Publishes Placed."""

class Letters(Contract):
    @query
    async def sent(self) -> int:
        """Return how many there are."""

@service
class OrdersService(Orders):
    events: Publisher

    async def place(self, order):
        self.events.publish(Orders.Placed(order))

@service
class LettersService(Letters):
    async def sent(self):
        return 0

    @subscribe(Orders.Placed)
    async def thank(self, event): ...
'''
FILE = """
name = "shop"
[services]
orders = "selling:OrdersService"
letters = "selling:LettersService"
"""


@pytest.fixture
def app(written: Callable[..., Path], tmp_path: Path) -> App:
    """An application of which one service hears the other."""
    return load(written(FILE, selling=SOURCE), home=tmp_path / "home")


async def test_services_of_one_process_need_no_broker_beside_it(app: App) -> None:
    """What one publishes is in its database, from where the others read it; who only listens has one too."""
    host = Host(monolith(app), "app")
    await host.start()
    try:
        assert {path.name for path in app.data.glob("*.db")} == {"orders.db", "letters.db"}
    finally:
        await host.stop(1)


def test_an_embedded_broker_does_not_reach_another_process(app: App) -> None:
    """To cut there is a mistake, with what to do."""
    embedded = replace(app, events=changed(app.events, broker="embedded"))
    plan = place(embedded, Topology("cut", (Process("a", ("orders",)), Process("b", ("letters",)))))
    Host(plan, "a")
    with pytest.raises(
        ConfigurationError,
        match=r"service letters, thank: it hears orders.Placed, and orders does not run in the process b; place both",
    ):
        Host(plan, "b")


CUT = """
[topologies.cut]
a = { services = ["orders"] }
b = { services = ["letters"] }
"""
KEEPING = '''
from freestone import Contract, Event, Publisher, command, query, service

class Orders(Contract):
    class Placed(Event, key="order"):
        order: str

    @query(cache="1h", until=Placed)
    async def total(self) -> int:
        """Return how many there are."""

class Letters(Contract):
    @query
    async def sent(self) -> int:
        """Return how many there are."""

@service
class OrdersService(Orders):
    events: Publisher

    async def total(self):
        return 0

@service
class LettersService(Letters):
    orders: Orders

    async def sent(self):
        return await self.orders.total()
'''
"""The letters keep the total of the orders until one is placed, and are subscribed to nothing."""


def test_a_client_that_keeps_results_until_an_event_hears_it(written: Callable[..., Path], tmp_path: Path) -> None:
    """In every process that holds or calls the service; what the embedded broker can't tell is a mistake."""
    app = load(written(FILE, selling=KEEPING), home=tmp_path / "home")
    total = operations(app.services["orders"].contract)["total"]
    whole = monolith(app)
    assert kept_in_process(whole, whole.processes[0]) == {Source("shop", "orders"): (total,)}
    embedded = replace(app, events=changed(app.events, broker="embedded"))
    cut = place(embedded, Topology("cut", (Process("a", ("orders",)), Process("b", ("letters",)))))
    Host(cut, "a")
    with pytest.raises(
        ConfigurationError,
        match=r"process b: it keeps results of orders.total until orders.Placed, and does not hear it; place orders",
    ):
        Host(cut, "b")


def test_a_process_that_knows_its_own_services_alone_hears_the_others(
    written: Callable[..., Path], tmp_path: Path
) -> None:
    """It is told who carries events, and not which service announces some."""
    path = written(FILE + CUT, selling=KEEPING)
    whole = plan(load(path, home=tmp_path / "home"), "cut")
    app = load_process(path, "cut", "b", Outline.of(whole), home=tmp_path / "home")
    alone = plan(app, "cut")
    contract = next(contract for contract, name in app.kept_by.items() if name == "orders")
    expected = {Source("shop", "orders"): (operations(contract)["total"],)}
    assert kept_in_process(alone, alone.process("b")) == expected
    assert kept_in_process(alone, alone.process("a")) == {}


ABROAD = """
name = "shop"
[services]
orders = {{ contract = "selling:Orders", at = "tcp://10.0.0.7:7000", application = "depot" }}
letters = "selling:LettersService"
{nats}
"""


@pytest.mark.parametrize("nats", ["", '[nats]\nurl = "nats://10.0.0.9:4222"'])
def test_events_of_somebody_else_are_heard_where_nats_is_known(
    nats: str, written: Callable[..., Path], tmp_path: Path
) -> None:
    """Elsewhere results have their time: that another team declares an event keeps no caller from starting."""
    app = load(written(ABROAD.format(nats=nats), selling=KEEPING), home=tmp_path / "home")
    plan = monolith(app)
    total = operations(app.externals["orders"].contract)["total"]
    expected = {Source("depot", "orders"): (total,)} if nats else {}
    assert kept_in_process(plan, plan.processes[0]) == expected
    Host(plan, "app")


def test_events_between_processes_need_nats(app: App) -> None:
    """Without a word where it is, the mistake says what to write."""
    plan = place(app, Topology("cut", (Process("a", ("orders",)), Process("b", ("letters",)))))
    with pytest.raises(
        ConfigurationError,
        match=r"process a: .*it needs NATS for its events, and nothing says where that is; write \[nats\] url",
    ):
        Host(plan, "a")


class Papers(Contract):
    class Printed(Event, key="page"):
        page: str

    @query
    async def pages(self) -> int:
        """Return how many."""


class Readers(Contract):
    """Read them."""


@service
class PapersService(Papers):
    async def pages(self) -> int:
        return 0


@service
class ReadersService(Readers):
    @subscribe(Papers.Printed)
    async def read(self, event: Papers.Printed) -> None:
        """Read it."""


async def test_services_without_a_file_have_the_embedded_broker() -> None:
    """Each that announces, or is heard, has an outbox."""
    async with local(papers=PapersService, readers=ReadersService) as application:
        assert await application.client(Papers).pages() == 0
    part = part_of({"papers": PapersService, "readers": ReadersService}, {"papers"})
    assert (part.publishing, part.listening) == (("papers",), ("readers",))


async def test_an_event_that_nobody_announces_is_a_mistake() -> None:
    """With who hears it, and what is missing."""
    with pytest.raises(
        ConfigurationError, match="service readers, read: it hears Printed, and no service keeps Papers"
    ):
        async with local(readers=ReadersService):
            pass
