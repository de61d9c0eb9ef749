"""The pytest plugin: a fixture that runs the application, in each placement that was chosen.

    async def test_a_path_is_found(application):
        assert await application.client(Catalog).path("microservices")

runs four times, once a placement. ``pytest --placement local`` runs it once; ``--placement local,processes`` twice.
``@pytest.mark.placements("local", "memory")`` says where a test makes sense. The application is the one of the nearest
``freestone.toml`` upwards of the test; a project overrides the fixture ``freestone_file`` to name another, and
``freestone_data`` to run on PostgreSQL, of which ``freestone_postgres`` is a server.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from .placement import Running
    from .postgres import PostgresServer

_ALL = ("local", "codec", "memory", "processes")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--placement``."""
    parser.getgroup("freestone").addoption(
        "--placement",
        default=",".join(_ALL),
        metavar="NAMES",
        help=f"where the fixture `application` runs the services: some of {', '.join(_ALL)} (default: all)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and refuse a placement that there is not."""
    config.addinivalue_line("markers", "placements(*names): the placements in which the test makes sense")
    unknown = [name for name in _chosen(config) if name not in _ALL]
    if unknown:
        raise pytest.UsageError(f"--placement: there is no {', '.join(unknown)}; there are {', '.join(_ALL)}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses ``application`` once a placement."""
    if "placement" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("placements")
    wanted = mark.args if mark else _ALL
    metafunc.parametrize("placement", [name for name in _chosen(metafunc.config) if name in wanted])


@pytest.fixture
def freestone_file(request: pytest.FixtureRequest) -> Path | None:
    """The application file that ``application`` runs; None is the nearest one upwards of the test."""
    return None


@pytest.fixture
def freestone_data(request: pytest.FixtureRequest) -> str | None:
    """The URL of an empty database in PostgreSQL that ``application`` runs on; None is files."""
    return None


@pytest.fixture(scope="session")
def freestone_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests of the session, without its waits for the disk; see ``PostgresServer``.

    A test makes a database of its own in it, with ``await freestone_postgres.create_database()``.
    """
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from .postgres import postgres_server

    # In a thread of its own, so that no event loop of a test is touched.
    with ThreadPoolExecutor(1) as apart, asyncio.Runner() as runner:
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


@pytest_asyncio.fixture
async def application(
    request: pytest.FixtureRequest,
    placement: str,
    freestone_file: Path | None,
    freestone_data: str | None,
    tmp_path: Path,
) -> AsyncGenerator[Running]:
    """The application, running in one placement, on fresh databases; see ``freestone.testing.Running``."""
    from freestone.app import load

    from .placement import Placement, running

    app = load(freestone_file, cwd=request.path.parent)
    async with running(app, Placement(placement), directory=tmp_path, data=freestone_data) as it:
        yield it


def _chosen(config: pytest.Config) -> list[str]:
    return [name.strip() for name in str(config.getoption("--placement")).split(",") if name.strip()]
