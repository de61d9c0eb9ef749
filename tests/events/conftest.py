"""A service with a database and a publisher, and handlers as dispatch runs them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone.contract import Contract, Event, command, query
from freestone.data import Database
from freestone.events import Publisher, Source
from freestone.service import Context
from freestone.testing.postgres import PostgresServer


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "order"
    id: Mapped[str] = mapped_column(primary_key=True)


class Placed(Event, key="order"):
    order: str
    count: int = 1


class Orders(Contract):
    """Takes orders."""

    @query
    async def count(self) -> int:
        """Return how many there are."""
        raise NotImplementedError

    @command
    async def place(self, order: str) -> None:
        """Place an order. Publishes Placed."""
        raise NotImplementedError


Handler = Callable[[str], AbstractAsyncContextManager[Context]]


@pytest.fixture
def handler(handling: Callable[..., AbstractAsyncContextManager[Context]]) -> Handler:
    """Runs a block as the handler of that operation of Orders."""
    return partial(handling, Orders)


Opener = Callable[[], Database]


@pytest.fixture
async def opener(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Opener:
    """Opens the database of this test, as one process has it."""
    if engine == "sqlite":
        return lambda: Database.open(tmp_path / "orders.db", readers=2)
    server: PostgresServer = request.getfixturevalue("postgres")
    url = await server.create_database()
    return lambda: Database.open(url, name="orders", connections=12)


@pytest.fixture
async def db(opener: Opener) -> AsyncIterator[Database]:
    database = opener()
    await database.start()
    async with database.transaction() as transaction:
        await transaction.run(lambda session: session.run_sync(lambda it: Base.metadata.create_all(it.connection())))
    yield database
    await database.close()


@pytest.fixture
async def publisher(db: Database) -> Publisher:
    """The publisher of the service ``orders`` of the application ``shop``."""
    publisher = Publisher(db, contract=Orders, source=Source("shop", "orders"))
    await publisher.start()
    return publisher


@pytest.fixture
def placed() -> type[Placed]:
    return Placed


@pytest.fixture
def order() -> type[Order]:
    return Order
