"""A NATS server, and connections to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from freestone.cluster import NatsConnection
from freestone.testing.nats import NatsServer, nats_server

Connect = Callable[[], Awaitable[NatsConnection]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with nats_server(tmp_path) as running:
        yield running
