"""What tests of several rooms share: one PostgreSQL for all that do not kill it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from freestone.testing.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for the session, without the waits for a disk. A test makes a database of its own in it."""
    with (
        ThreadPoolExecutor(1) as apart,
        asyncio.Runner() as runner,
    ):  # in a thread, so that no loop of a test is touched
        block = postgres_server(fsync="off", synchronous_commit="off")

        async def enter() -> PostgresServer:
            return await block.__aenter__()

        async def leave() -> None:
            await block.__aexit__(None, None, None)

        server = apart.submit(runner.run, enter()).result()
        try:
            yield server
        finally:
            apart.submit(runner.run, leave()).result()


@pytest.fixture
async def postgres_url(postgres: PostgresServer) -> str:
    """The URL of an empty database of this test's own, for somebody who may do everything."""
    return await postgres.create_database()
