"""One suite of delivery, from ``publish`` in a command to the effect of a ``@subscribe``, in every placement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from freestone.testing.postgres import PostgresServer, postgres_server

from .running import PLACES, Post, post
from .suite import SUITE, Check

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow, pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Callable[[], Awaitable[PostgresServer]]]:
    """Gives a PostgreSQL that may be killed, the same each time."""
    async with AsyncExitStack() as stack:
        running: PostgresServer | None = None

        async def start() -> PostgresServer:
            nonlocal running
            running = running or await stack.enter_async_context(postgres_server(fsync="off"))
            return running

        yield start


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=PLACES, ids=str)
async def placed(request: pytest.FixtureRequest, server: Any, tmp_path_factory: Any) -> AsyncIterator[Post]:
    """The application, in one placement."""
    async with post(request.param, tmp_path_factory.mktemp("post"), server) as it:
        yield it


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def under_way(placed: Post) -> AsyncIterator[dict[Check, asyncio.Task[None]]]:
    """All checks of the suite, which go on at the same time."""
    tasks = {check: asyncio.ensure_future(check(placed)) for check in SUITE}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("check", SUITE, ids=lambda it: it.__name__.removeprefix("check_"))
async def test_events_are_delivered(check: Check, under_way: dict[Check, asyncio.Task[None]]) -> None:
    """Each check holds, while the others go on."""
    await under_way[check]
