"""What services are given as their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from freestone.app.resources import Publishing, Resources
from freestone.contract import Contract
from freestone.data import Database
from freestone.errors import ConfigurationError
from freestone.events import Publisher, Source
from freestone.service import service


class Orders(Contract):
    """Has orders."""


@service
class OrdersService(Orders):
    db: Database
    archive: Database
    events: Publisher


async def test_a_service_has_one_database_however_many_attributes_use_it(tmp_path: Path) -> None:
    """Two connections that write would wait for each other."""
    resources = Resources(tmp_path)
    first, second = (resources("orders", OrdersService, "database") for _ in range(2))
    assert first is second
    assert resources.publisher("orders", OrdersService).outbox.database is first
    assert resources.database("payments", OrdersService) is not first


async def test_databases_are_as_durable_as_the_file_says(tmp_path: Path) -> None:
    """Of each service alike."""
    database = Resources(tmp_path, durability="normal").database("orders", OrdersService)
    await database.start()
    async with database.transaction():
        assert await database.scalar(text("PRAGMA synchronous")) == 1
    await database.close()


def test_a_publisher_announces_for_its_service(tmp_path: Path) -> None:
    """In the application's name, and as its file says."""
    resources = Resources(tmp_path, publishing=Publishing("shop", "messagepack", 8))
    publisher = resources("orders", OrdersService, "publisher")
    assert publisher is resources("orders", OrdersService, "publisher")
    assert isinstance(publisher, Publisher)
    assert (publisher.outbox.source, publisher.outbox.partitions) == (Source("shop", "orders"), 8)


def test_a_kind_that_nobody_can_give_is_refused(tmp_path: Path) -> None:
    """With the service that asks for it."""
    with pytest.raises(ConfigurationError, match="service orders: it needs a spaceship, which this host can't give"):
        Resources(tmp_path)("orders", OrdersService, "spaceship")
