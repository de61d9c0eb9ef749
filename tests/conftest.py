"""What tests of several rooms share: one PostgreSQL for all that do not kill it."""

from __future__ import annotations

import pytest

from freestone.testing.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres(freestone_postgres: PostgresServer) -> PostgresServer:
    """One server for the session, without the waits for a disk. A test makes a database of its own in it."""
    return freestone_postgres


@pytest.fixture
async def postgres_url(postgres: PostgresServer) -> str:
    """The URL of an empty database of this test's own, for somebody who may do everything."""
    return await postgres.create_database()
