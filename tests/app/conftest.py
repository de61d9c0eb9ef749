"""Applications on disk, written by a test and gone after it."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from freestone.app import App, load
from freestone.errors import ConfigurationError

SHOP = '''
from freestone.contract import Contract, query
from freestone.service import Secret, Settings, service

class Prices(Contract):
    @query
    async def price(self, item: str) -> int:
        """Return the price of an item."""

class Orders(Contract):
    @query
    async def total(self, order: str) -> int:
        """Return what an order costs."""

class Payments(Contract):
    @query
    async def paid(self, order: str) -> bool:
        """Return whether an order is paid."""

class OrdersSettings(Settings):
    limit: int = 10
    token: Secret = Secret("default")

@service
class PricesService(Prices):
    async def price(self, item):
        return 1

@service
class OrdersService(Orders):
    prices: Prices
    settings: OrdersSettings

    async def total(self, order):
        return await self.prices.price(order)

class Gate:
    needs = (Orders,)

    async def open(self, clients, sock, deadline):
        raise NotImplementedError

gateway = Gate()
'''
"""The module ``shop`` that every application of these tests has: two services, and one of somebody else."""


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Write an application: the text of its file, and modules by name. Returns the file's path."""
    path, modules = list(sys.path), set(sys.modules)

    def write(toml: str, **more: str) -> Path:
        for name, source in {"shop": SHOP, **more}.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        file = tmp_path / "freestone.toml"
        file.write_text(textwrap.dedent(toml))
        return file

    yield write
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def loaded(written: Callable[..., Path]) -> Callable[..., App]:
    """Write an application and load it."""

    def write_and_load(toml: str, **modules: str) -> App:
        return load(written(toml, **modules))

    return write_and_load


@pytest.fixture
def mistakes(written: Callable[..., Path]) -> Callable[..., list[str]]:
    """Write a wrong application and return what is said about it: a line a mistake, with the line in the file."""

    def write_and_fail(toml: str, **modules: str) -> list[str]:
        file = written(toml, **modules)
        with pytest.raises(ConfigurationError) as caught:
            load(file)
        prefix = f"{file.parent}/"
        return [line.removeprefix(prefix) for line in str(caught.value).splitlines()]

    return write_and_fail
