"""What is made of events can be made anew."""

from __future__ import annotations

import functools
from pathlib import Path

from academy.catalog.contract import Catalog
from academy.search.contract import Search
from freestone.app import load
from freestone.testing import running

from .eventually import eventually
from .test_hearing import path_about


async def test_an_index_that_is_deleted_is_complete_again(tmp_path: Path) -> None:
    """From the events alone: nobody imports anything again."""
    app = load(cwd=Path(__file__).parent)
    async with running(app, directory=tmp_path) as application:
        await application.client(Catalog).import_path(path_about("birds", "Kraniche"))
        search = application.client(Search)
        await eventually(lambda: search.search("kraniche"), lambda found: bool(found.results))
    files = list((tmp_path / "data").glob("search.db*"))
    assert files
    for file in files:
        file.unlink()
    async with running(app, directory=tmp_path) as application:
        search = application.client(Search)
        for word in ("kraniche", "monolith"):
            await eventually(functools.partial(search.search, word), lambda found: bool(found.results))
