"""What tests of several rooms share: one PostgreSQL for all that do not kill it, handlers, connections to NATS."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from freestone.cluster import NatsConnection, NatsSettings
from freestone.contract import Contract, operations
from freestone.service import CURRENT, Context
from freestone.testing.nats import NatsServer
from freestone.testing.postgres import PostgresServer

Handling = Callable[..., AbstractAsyncContextManager[Context]]


@contextlib.asynccontextmanager
async def _handling(contract: type[Contract], name: str, deadline: float | None = None) -> AsyncGenerator[Context]:
    operation = operations(contract)[name]
    context = Context(operation, deadline, asyncio.current_task(), None, "0af7651916cd43dd8448eb211c80319c")
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
def handling() -> Handling:
    """Runs a block as dispatch runs the handler of that operation of a contract."""
    return _handling


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Where the database is. A test that makes sense in one of them only parametrizes this, indirectly."""
    engine: str = request.param
    return engine


@pytest.fixture
async def connect(server: NatsServer) -> AsyncIterator[Callable[[], Awaitable[NatsConnection]]]:
    """Make a connection to the NATS server of a test, as another process would."""
    made: list[NatsConnection] = []

    async def make() -> NatsConnection:
        connection = NatsConnection(NatsSettings((server.url,)))
        made.append(connection)
        await connection.start()
        return connection

    yield make
    for connection in made:
        await connection.close()


@pytest.fixture(scope="session")
def postgres(freestone_postgres: PostgresServer) -> PostgresServer:
    """One server for the session, without the waits for a disk. A test makes a database of its own in it."""
    return freestone_postgres


@pytest.fixture
async def postgres_url(postgres: PostgresServer) -> str:
    """The URL of an empty database of this test's own, for somebody who may do everything."""
    return await postgres.create_database()
