"""Takes a document in, or a path out: of the application that runs, or of its database when none does."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from academy.catalog.contract import Catalog, Document, Imported
from academy.catalog.service import CatalogService
from freestone import connect, local
from freestone.app import App, load
from freestone.deploy.supervisor import running

APPLICATION: Final = Path(__file__).parents[1] / "freestone.toml"
"""Academy's own application file."""


async def take_in(document: Document, file: Path = APPLICATION, home: Path | None = None) -> Imported:
    """Have the application's catalog import a document.

    ``home`` is where the application's runs keep their state and data; by default ``.freestone`` beside its file.
    Raises a ServiceError if the catalog refuses it or can't be reached, ConfigurationError if the file is wrong.
    """
    async with _catalog(load(file, home=home)) as catalog:
        return await catalog.import_path(document)


async def take_out(path: str, file: Path = APPLICATION, home: Path | None = None) -> None:
    """Have the application's catalog retire a path. Raises as ``take_in`` does, NotFound if there is no such path."""
    async with _catalog(load(file, home=home)) as catalog:
        await catalog.retire_path(path)


@contextlib.asynccontextmanager
async def _catalog(app: App) -> AsyncIterator[Catalog]:
    """Give a client of the application's catalog for a block."""
    name = app.kept_by[Catalog]
    external = app.externals.get(name)
    replicas = [replica for run in running(app.home) for replica in run.replicas if name in replica.services]
    addresses = map(str, external.at) if external else dict.fromkeys(replica.address for replica in replicas)
    if external or replicas:
        async with connect(Catalog, *addresses, service=name, application=app.name) as catalog:
            yield catalog
    else:
        services: dict[str, Any] = {name: CatalogService}
        async with local(directory=app.data, **services) as alone:
            yield alone.client(Catalog)
