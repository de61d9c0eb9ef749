"""Services in this process: made in order, given what they declare, started and stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from freestone.app import StartError, local
from freestone.clock import Clock, Ids, Random
from freestone.contract import Contract, Event, command, query
from freestone.errors import ConfigurationError, DeclarationError, NotFound
from freestone.events import Publisher
from freestone.service import Settings, service
from freestone.signals import SIGNALS, ServiceStarted, ServiceStopped, Signal
from freestone.testing import FakeClock, announced, fake_random


class Stock(Contract):
    """What there is."""

    @query
    async def count(self, item: str) -> int:
        """Return how many."""


class Shop(Contract):
    """Who sells it."""

    @query
    async def offer(self, item: str) -> str:
        """Return an offer."""


class ShopSettings(Settings):
    """How it sells."""

    greeting: str = "hello"


@service
class StockService(Stock):
    async def count(self, item: str) -> int:
        if item != "tea":
            raise NotFound(f"no {item}")
        return 3


@service
class ShopService(Shop):
    stock: Stock
    settings: ShopSettings
    clock: Clock
    random: Random
    ids: Ids

    async def start(self) -> None:
        self.opened = self.clock.now().isoformat()

    async def offer(self, item: str) -> str:
        return f"{self.settings.greeting}: {await self.stock.count(item)} at {self.opened}, {self.ids.new()[12]}"


async def test_services_are_given_what_they_declare() -> None:
    """Contracts, settings, clock, random and ids, in whatever order they are named."""
    settings = {"shop": ShopSettings(greeting="welcome")}
    clock = FakeClock()
    async with local(
        settings=settings, clock=clock, random=fake_random(), shop=ShopService, stock=StockService
    ) as application:
        offer = await application.client(Shop).offer("tea")
    assert offer == f"welcome: 3 at {clock.now().isoformat()}, 7"


async def test_settings_have_their_defaults() -> None:
    """A service without settings of its own in the file gets the record as it is declared."""
    async with local(shop=ShopService, stock=StockService) as application:
        assert (await application.client(Shop).offer("tea")).startswith("hello: 3")


async def test_an_error_crosses_two_boundaries() -> None:
    """A canonical error that nobody catches arrives as itself."""
    async with local(shop=ShopService, stock=StockService) as application:
        with pytest.raises(NotFound, match="no salt"):
            await application.client(Shop).offer("salt")


async def test_a_contract_that_nobody_keeps_is_named() -> None:
    """With what to do."""
    with pytest.raises((StartError, ConfigurationError), match="Stock: no service keeps it; name one under"):
        async with local(shop=ShopService):
            pass


async def test_they_start_in_the_order_of_dependencies_and_stop_in_the_other() -> None:
    """And each is announced."""
    heard: list[Signal] = []
    SIGNALS.subscribe(heard.append)
    try:
        async with local(shop=ShopService, stock=StockService):
            pass
    finally:
        SIGNALS.unsubscribe(heard.append)
    assert heard == [
        ServiceStarted("stock"),
        ServiceStarted("shop"),
        ServiceStopped("shop"),
        ServiceStopped("stock"),
    ]


async def test_a_service_that_does_not_start_is_named_and_the_others_are_stopped() -> None:
    """The error says why; nothing is left running."""
    stopped: list[str] = []

    @service
    class Careful(Stock):
        async def count(self, item: str) -> int:
            return 1

        async def stop(self) -> None:
            stopped.append("careful")

    @service
    class Broken(Shop):
        stock: Stock

        async def start(self) -> None:
            raise OSError("no licence")

        async def offer(self, item: str) -> str:
            return ""

    with pytest.raises(StartError, match="the service shop did not start: OSError: no licence"):
        async with local(shop=Broken, stock=Careful):
            pass
    assert stopped == ["careful"]


async def test_a_stop_hook_that_fails_does_not_keep_the_others_from_stopping(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged."""
    stopped: list[str] = []

    @service
    class Careful(Stock):
        async def count(self, item: str) -> int:
            return 1

        async def stop(self) -> None:
            stopped.append("careful")

    @service
    class Clumsy(Shop):
        stock: Stock

        async def offer(self, item: str) -> str:
            return ""

        async def stop(self) -> None:
            raise OSError("the door is stuck")

    async with local(shop=Clumsy, stock=Careful):
        pass
    assert stopped == ["careful"]
    assert "the service shop did not stop well" in caplog.text


async def test_a_circle_of_dependencies_is_refused() -> None:
    """Before anything is made."""

    @service
    class Circular(Stock):
        shop: Shop

        async def count(self, item: str) -> int:
            return 0

    with pytest.raises(DeclarationError, match=r"shop → stock → shop|stock → shop → stock"):
        async with local(shop=ShopService, stock=Circular):
            pass


class Letters(Contract):
    """Sends letters."""

    class Sent(Event, key="to"):
        to: str

    @command
    async def send(self, to: str) -> None:
        """Send one. Publishes Sent."""


@service
class LettersService(Letters):
    events: Publisher

    async def send(self, to: str) -> None:
        self.events.publish(Letters.Sent(to))


async def test_a_service_that_publishes_has_a_database(tmp_path: Path) -> None:
    """Whether it declares one or not: its events are written there."""
    async with local(directory=tmp_path, letters=LettersService) as application:
        await application.client(Letters).send("ada")
        database = application.service("letters").events.outbox.database
        assert await announced(database, Letters.Sent) == [Letters.Sent("ada")]
    assert (tmp_path / "letters.db").exists()
