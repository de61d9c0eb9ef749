"""What services are given as their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from freestone.app.resources import Resources
from freestone.contract import Contract
from freestone.data import Database
from freestone.errors import ConfigurationError
from freestone.service import service


class Orders(Contract):
    """Has orders."""


@service
class OrdersService(Orders):
    db: Database
    archive: Database


async def test_a_service_has_one_database_however_many_attributes_use_it(tmp_path: Path) -> None:
    """Two connections that write would wait for each other."""
    resources = Resources(tmp_path)
    first, second = (resources("orders", OrdersService, "database") for _ in range(2))
    assert first is second
    assert resources.database("payments", OrdersService) is not first


def test_a_kind_that_nobody_can_give_is_refused(tmp_path: Path) -> None:
    """With the service that asks for it."""
    with pytest.raises(ConfigurationError, match="service orders: it needs a spaceship, which this host can't give"):
        Resources(tmp_path)("orders", OrdersService, "spaceship")
