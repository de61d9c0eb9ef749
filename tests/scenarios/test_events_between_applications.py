"""Applications hear each other over one broker, in processes of their own, by contracts alone."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from freestone.app import App, load
from freestone.testing import Placement, Processes, processes, running
from freestone.testing.nats import NatsServer, nats_server

from .market import BANK_FILE, LEDGER, SHOP, SHOP_FILE, TOGETHER_FILE, write

PATIENCE = 60
"""Seconds in which an event arrives, whatever else the machine does."""


@pytest.fixture(autouse=True)
def _clean_modules() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("market_"):
            del sys.modules[name]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with nats_server(tmp_path / "nats") as running:
        yield running


def contract(app: App, service: str) -> Any:
    return app.services[service].contract


async def entries(it: Any, app: App, count: int) -> tuple[tuple[str, int], ...]:
    """Return what the ledger has, once it has so many entries."""
    ledger = it.client(contract(app, "ledger"))
    async with asyncio.timeout(PATIENCE):
        while len(found := await ledger.entries()) < count:  # noqa: ASYNC110 - another process writes them
            await asyncio.sleep(0.05)
    return tuple(tuple(each) for each in found)


def of(customer: str, found: tuple[tuple[str, int], ...]) -> list[int]:
    return [number for who, number in found if who == customer]


async def order(it: Processes, app: App, start: int, end: int) -> None:
    orders = it.client(contract(app, "orders"))
    for number in range(start, end):
        await orders.order(("ada", "bob", "eve")[number % 3], number)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_another_application_hears_by_the_contract_alone(server: NatsServer, tmp_path: Path) -> None:
    """The bank has the shop's contract and nothing else of it, another number of partitions, and its own start.

    Each event is entered once, those of a customer in order, also what was announced while the bank was away or the
    server was killed.
    """
    shop_app = load(write(tmp_path / "shop", SHOP_FILE, (server.url,), shop=SHOP))
    sys.modules.pop("market_orders")
    bank_app = load(write(tmp_path / "bank", BANK_FILE, (server.url,), ledger=LEDGER))
    async with processes(shop_app, "monolith", tmp_path / "shop-home") as shop:
        await order(shop, shop_app, 0, 30)
        async with processes(bank_app, "monolith", tmp_path / "bank-home") as bank:
            assert len(await entries(bank, bank_app, 30)) == 30
            await server.kill()
            await order(shop, shop_app, 30, 60)  # a command does not fail because the broker is away
            await server.start()
            assert len(await entries(bank, bank_app, 60)) == 60
        await order(shop, shop_app, 60, 90)
        async with processes(bank_app, "monolith", tmp_path / "bank-home") as bank:
            found = await entries(bank, bank_app, 90)
            assert not [line for line in bank.output if "was made" in line], "the bank announces nothing"
    assert len(found) == 90
    for place, customer in enumerate(("ada", "bob", "eve")):
        assert of(customer, found) == list(range(place, 90, 3))


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_events_arrive_in_every_placement(placement: str, tmp_path: Path) -> None:
    """In one process they need nobody; between processes the run brings what they need."""
    app = load(write(tmp_path / "market", TOGETHER_FILE, shop=SHOP, ledger=LEDGER))
    async with running(app, Placement(placement), directory=tmp_path) as it:
        orders = it.client(contract(app, "orders"))
        for number in range(20):
            await orders.order("ada", number)
        assert await entries(it, app, 20) == tuple(("ada", number) for number in range(20))
    assert (tmp_path / "nats").exists() == (placement == "processes")
