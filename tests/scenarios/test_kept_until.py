"""What a client keeps until an event comes is old nowhere for long: in one process, and in each of several."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from freestone.app import App, load
from freestone.testing import Placement, Running, processes, running

FILE = """
name = "library"

[services]
catalog = "kept_until:CatalogService"
window  = "kept_until:WindowService"

[topologies.cut]
catalog = { services = ["catalog"] }
window  = { services = ["window"], replicas = 2 }
"""

CODE = '''
import os

from freestone import Contract, Event, Publisher, command, query, received, service


class Catalog(Contract):
    class Renamed(Event, key="path"):
        path: str

    @query(cache="1h", key="path", until=Renamed)
    async def title(self, path: str) -> str:
        """Return a title."""

    @command
    async def rename(self, path: str, title: str) -> None:
        """Give a path another title. Publishes Renamed."""


class Window(Contract):
    @query
    async def look(self, path: str) -> tuple[int, bool, str]:
        """Return which process shows the title, whether it had it, and the title."""


@service
class CatalogService(Catalog):
    events: Publisher

    async def start(self):
        self.titles = {}

    async def title(self, path):
        return self.titles.get(path, "")

    async def rename(self, path, title):
        self.titles[path] = title
        await self.events.send(Catalog.Renamed(path))


@service
class WindowService(Window):
    catalog: Catalog

    async def look(self, path):
        with received() as seen:
            title = await self.catalog.title(path)
        return os.getpid(), seen.cached, title
'''
PATIENCE = 60


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "freestone.toml").write_text(FILE, "utf-8")
    (folder / "kept_until.py").write_text(CODE, "utf-8")
    path = list(sys.path)
    yield load(folder)
    sys.path[:] = path
    sys.modules.pop("kept_until", None)


async def renamed_is_seen(application: Running, app: App, count: int) -> None:
    """Have so many processes keep a title, rename it, and wait until none has the old one."""
    catalog: Any = application.client(app.services["catalog"].contract)
    window: Any = application.client(app.services["window"].contract)
    for title in ("tea", "rum"):
        await catalog.rename("a", title)
        kept: set[int] = set()
        async with asyncio.timeout(PATIENCE):
            while len(kept) < count:
                process, cached, shown = await window.look("a")
                if cached and shown == title:
                    kept.add(process)
                elif shown != title:
                    await asyncio.sleep(0.01)


@pytest.mark.parametrize("where", [Placement.LOCAL, Placement.MEMORY])
async def test_a_title_that_was_renamed_is_seen_in_one_process(app: App, where: Placement, tmp_path: Path) -> None:
    """The broker is the outbox itself."""
    async with running(app, where, directory=tmp_path) as application:
        await renamed_is_seen(application, app, 1)


async def test_a_title_that_was_renamed_is_seen_in_every_process(app: App, tmp_path: Path) -> None:
    """Each replica hears the event by itself, from NATS."""
    async with processes(app, "cut", tmp_path) as application:
        await renamed_is_seen(application, app, 2)
