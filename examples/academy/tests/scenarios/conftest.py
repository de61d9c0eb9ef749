"""Academy's processes take seconds to start: all tests of a module share them, and have learners of their own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from freestone.app import App, load
from freestone.testing import Placement, Running, running

Start = Callable[[], Awaitable[Running]]


@pytest.fixture(scope="module")
def academy_file() -> App:
    """Academy, as its file says."""
    return load(cwd=Path(__file__).parent)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cut(academy_file: App, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Start]:
    """Gives Academy in processes, the same each time."""
    started: Running | None = None
    async with contextlib.AsyncExitStack() as stack:

        async def start() -> Running:
            nonlocal started
            if started is None:
                directory = tmp_path_factory.mktemp("academy")
                started = await stack.enter_async_context(
                    running(academy_file, Placement.PROCESSES, directory=directory)
                )
            return started

        yield start


@pytest_asyncio.fixture(loop_scope="module")
async def application(
    placement: str, academy_file: App, cut: Start, freestone_data: str | None, tmp_path: Path
) -> AsyncIterator[Running]:
    """The application in one placement: on fresh databases but among processes."""
    if placement == Placement.PROCESSES.value:
        yield await cut()
        return
    async with running(academy_file, Placement(placement), directory=tmp_path, data=freestone_data) as it:
        yield it
