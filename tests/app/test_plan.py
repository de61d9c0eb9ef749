from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.app import (
    App,
    ExternalRoute,
    ExternalSpec,
    LocalRoute,
    PeerRoute,
    Plan,
    Process,
    ServiceSpec,
    Topology,
    cut_everywhere,
    monolith,
    place,
    plan,
    render,
)
from freestone.call import TcpAddress, UnixAddress
from freestone.contract import Contract
from freestone.errors import ConfigurationError

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
"""


def test_a_plan_says_how_each_process_reaches_what_it_calls(loaded: Callable[..., App]) -> None:
    split = plan(loaded(FILE), "split")
    assert (split.application, split.topology) == ("shop", "split")
    assert split.process("edge").routes == {"orders": PeerRoute("orders")}
    assert split.process("orders").routes == {"prices": PeerRoute("prices")}
    assert split.process("prices").routes == {}
    assert split.process("edge").peers == ("orders",)


def test_in_one_process_everything_is_local(loaded: Callable[..., App]) -> None:
    (app,) = plan(loaded(FILE), "monolith").processes
    assert app.routes == {"orders": LocalRoute(), "prices": LocalRoute()}
    assert app.peers == ()


def test_only_one_process_has_the_gateway(loaded: Callable[..., App]) -> None:
    application = loaded(FILE)
    gateways = {process.name: process.gateway for process in plan(application, "split").processes}
    assert gateways == {"edge": application.gateway, "prices": None, "orders": None}


def test_services_of_a_process_are_in_the_order_in_which_they_start(loaded: Callable[..., App]) -> None:
    assert plan(loaded(FILE), "monolith").process("app").services == ("prices", "orders")


def test_without_a_name_the_default_topology_is_planned(loaded: Callable[..., App]) -> None:
    assert plan(loaded(FILE)).topology == "split"


def test_a_process_is_drained_before_those_that_it_calls(loaded: Callable[..., App]) -> None:
    stages = {process.name: process.stage for process in plan(loaded(FILE), "split").processes}
    assert stages == {"edge": 0, "orders": 1, "prices": 2}


def test_the_service_of_somebody_else_is_reached_at_its_addresses(loaded: Callable[..., App]) -> None:
    application = loaded("""
        name = "shop"
        [services]
        orders = "shop:OrdersService"
        rates = { contract = "shop:Prices", at = ["tcp://10.0.0.7:7000", "tcp://10.0.0.8:7000"] }
    """)
    (app,) = plan(application).processes
    assert app.routes == {"rates": ExternalRoute((TcpAddress("10.0.0.7", 7000), TcpAddress("10.0.0.8", 7000)))}


def test_an_unknown_topology_is_told_with_those_that_there_are(loaded: Callable[..., App]) -> None:
    with pytest.raises(ConfigurationError, match=r'no topology "splti"; did you mean "split"\?'):
        plan(loaded(FILE), "splti")
    with pytest.raises(ConfigurationError, match="the topologies are split, monolith, cut-everywhere"):
        plan(loaded(FILE), "xyz")


def test_an_unknown_process_is_told_with_those_that_there_are(loaded: Callable[..., App]) -> None:
    with pytest.raises(ConfigurationError, match="the processes of split are edge, prices, orders"):
        plan(loaded(FILE), "split").process("xyz")


def test_the_holder_of_a_service_is_found(loaded: Callable[..., App]) -> None:
    split = plan(loaded(FILE), "split")
    assert split.holder("prices") is split.process("prices")
    with pytest.raises(LookupError, match="no process of split holds payments"):
        split.holder("payments")


def test_each_replica_has_an_address_on_this_machine(loaded: Callable[..., App]) -> None:
    split = plan(loaded(FILE), "split")
    run = Path("/run/shop")
    assert split.process("prices").addresses(run) == (
        UnixAddress("/run/shop/prices-0.sock"),
        UnixAddress("/run/shop/prices-1.sock"),
    )
    assert split.process("orders").addresses(run) == (TcpAddress("127.0.0.1", 7000),)


def test_processes_that_call_each_other_are_drained_together() -> None:
    application = made({"a": ["b"], "b": ["c"], "c": ["d"], "d": []})
    processes = (Process("x", ("d",)), Process("y", ("a", "c")), Process("z", ("b",)))
    stages = {process.name: process.stage for process in place(application, Topology("t", processes)).processes}
    assert stages == {"y": 0, "z": 0, "x": 1}


def made(calls: dict[str, list[str]], externals: tuple[str, ...] = ()) -> App:
    """Return an application whose services, in the order of their dependencies, call each other as given."""
    services = {
        name: ServiceSpec(name, object, Contract, {}, {callee: callee for callee in calls[name]})
        for name in reversed(calls)
    }
    at = (TcpAddress("10.0.0.7", 7000),)
    specs = {name: ExternalSpec(name, Contract, at) for name in externals}
    return App("made", Path("/made/freestone.toml"), services, specs)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw an application without circles, placed at random."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 7)))]
    externals = ("e0", "e1")
    calls = {
        name: draw(st.lists(st.sampled_from([*names[index + 1 :], *externals]), unique=True))
        for index, name in enumerate(names)
    }
    places = {name: draw(st.integers(0, 3)) for name in names}
    processes = tuple(
        Process(f"p{place}", tuple(name for name in names if places[name] == place), draw(st.integers(1, 3)))
        for place in sorted(set(places.values()))
    )
    return place(made(calls, externals), Topology("random", processes))


@given(plans())
def test_each_service_is_in_one_process(drawn: Plan) -> None:
    placed = [service for process in drawn.processes for service in process.services]
    assert sorted(placed) == sorted(drawn.app.services)


@given(plans())
def test_a_service_is_local_if_and_only_if_it_is_in_the_same_process(drawn: Plan) -> None:
    for process in drawn.processes:
        for callee, route in process.routes.items():
            assert (route == LocalRoute()) == (callee in process.services)
            assert isinstance(route, ExternalRoute) == (callee in drawn.app.externals)
            if isinstance(route, PeerRoute):
                assert route.process == drawn.holder(callee).name


@given(plans())
def test_a_process_has_a_route_to_what_it_calls_and_to_nothing_else(drawn: Plan) -> None:
    for process in drawn.processes:
        called = {callee for service in process.services for callee in drawn.app.services[service].calls.values()}
        assert process.routes.keys() == called


@given(plans())
def test_a_service_starts_after_those_that_it_calls_in_its_process(drawn: Plan) -> None:
    for process in drawn.processes:
        for position, service in enumerate(process.services):
            local = [c for c in drawn.app.services[service].calls.values() if c in process.services]
            assert all(process.services.index(callee) < position for callee in local)


@given(plans())
def test_no_process_is_drained_before_one_that_calls_it_unless_they_call_each_other(drawn: Plan) -> None:
    def leads(start: str, end: str, seen: frozenset[str] = frozenset()) -> bool:
        peers = drawn.process(start).peers
        return end in peers or any(leads(peer, end, seen | {start}) for peer in peers if peer not in seen)

    for process in drawn.processes:
        for peer in process.peers:
            if leads(peer, process.name):
                assert process.stage == drawn.process(peer).stage
            else:
                assert process.stage < drawn.process(peer).stage


@given(plans())
def test_the_two_plans_that_every_application_has(drawn: Plan) -> None:
    (everything,) = monolith(drawn.app).processes
    assert set(everything.services) == set(drawn.app.services)
    cut = cut_everywhere(drawn.app)
    assert [process.services for process in cut.processes] == [(name,) for name in drawn.app.services]
    assert not any(route == LocalRoute() for process in cut.processes for route in process.routes.values())


def test_a_process_is_found_by_its_name_only_from_other_machines(loaded: Callable[..., App]) -> None:
    """A run on one machine has the sockets of its own."""
    app = loaded(
        """
        name = "shop"
        [services]
        prices = "shop:PricesService"
        orders = "shop:OrdersService"
        [topologies.split]
        orders = { services = ["orders"] }
        [topologies.split.prices]
        services = ["prices"]
        replicas = 2
        listen = "tcp://0.0.0.0:7000"
        at = "dns://prices:7000"
        plaintext = true
        """
    )
    prices = plan(app).process("prices")
    assert [str(each) for each in prices.endpoints(Path("/run"))] == ["dns://prices:7000"]
    assert [str(each) for each in prices.addresses(Path("/run"))] == [
        "unix:///run/prices-0.sock",
        "unix:///run/prices-1.sock",
    ]
    orders = plan(app).process("orders")
    assert orders.endpoints(Path("/run")) == orders.addresses(Path("/run"))
    assert "prices ×2, on tcp://0.0.0.0:7000 in the clear, found at dns://prices:7000" in render(plan(app))
