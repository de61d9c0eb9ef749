"""A NATS server, and connections to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from freestone.cluster import NatsConnection, NatsSettings
from freestone.testing.nats import NatsServer, nats_server

Connect = Callable[[], Awaitable[NatsConnection]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with nats_server(tmp_path) as running:
        yield running


@pytest.fixture
async def connect(server: NatsServer) -> AsyncIterator[Connect]:
    """Make a connection, as another process would."""
    made: list[NatsConnection] = []

    async def make() -> NatsConnection:
        connection = NatsConnection(NatsSettings((server.url,)))
        made.append(connection)
        await connection.start()
        return connection

    yield make
    for connection in made:
        await connection.close()
