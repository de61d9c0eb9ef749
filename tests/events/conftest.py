"""A service with a database and a publisher, and handlers as dispatch runs them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone.contract import Contract, Event, command, operations, query
from freestone.data import Database
from freestone.events import Publisher, Source
from freestone.service import CURRENT, Context
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


@contextlib.asynccontextmanager
async def handling(name: str) -> AsyncGenerator[Context]:
    """Run a block as dispatch runs the handler of that operation of Orders."""
    context = Context(operations(Orders)[name], None, asyncio.current_task(), None, "0af7651916cd43dd8448eb211c80319c")
    token = CURRENT.set(context)
    try:
        try:
            yield context
        except BaseException:
            await context.rollback()
            raise
        else:
            await context.commit()
    finally:
        context.ended = True
        CURRENT.reset(token)


@pytest.fixture
def handler() -> Handler:
    return handling


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Where the database is. A test that makes sense in one of them only parametrizes this, indirectly."""
    engine: str = request.param
    return engine


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
