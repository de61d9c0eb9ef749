"""One suite of delivery, from ``publish`` in a command to the effect of a ``@subscribe``, in every placement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from freestone.testing.postgres import PostgresServer, postgres_server

from .misfortunes import THOROUGH, misfortunes
from .running import PLACES, Place, Post, post
from .suite import Check, suite

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
    """The application, in one placement, started once for all checks."""
    async with post(request.param, tmp_path_factory.mktemp("post"), server) as it:
        yield it


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def under_way(placed: Post) -> AsyncIterator[dict[Check, asyncio.Task[None]]]:
    """The checks of the suite that go on now."""
    tasks: dict[Check, asyncio.Task[None]] = {}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


def checks() -> list[Any]:
    """Return all checks, in their order."""
    fullest = Place("postgresql", "nats", "cut")
    return [
        pytest.param(
            check,
            id=check.__name__.removeprefix("check_"),
            marks=pytest.mark.thorough if check in THOROUGH else (),
        )
        for check in (*suite(fullest), *misfortunes(fullest))
    ]


@pytest.mark.parametrize("check", checks())
async def test_delivery(check: Check, placed: Post, under_way: dict[Check, asyncio.Task[None]]) -> None:
    """What holds all the time is looked at all at once, and then one misfortune comes after the other."""
    if check not in suite(placed.place):
        await check(placed)
        return
    if not under_way:
        under_way.update({it: asyncio.ensure_future(it(placed)) for it in suite(placed.place)})
    await under_way[check]
