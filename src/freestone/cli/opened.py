"""The databases of an application, opened for a command as they are."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import TYPE_CHECKING

from freestone.app import App, databases, plan
from freestone.deploy.supervisor import running
from freestone.errors import ConfigurationError

from .failure import UsageMistake

if TYPE_CHECKING:
    from freestone.data import Database


@contextlib.asynccontextmanager
async def opened(app: App, services: Collection[str] | None = None) -> AsyncGenerator[Mapping[str, Database]]:
    """Open the databases of those services for a block, or of all that have one; none is made or migrated.

    Those that are not there yet are left out. Raises UsageMistake for a service that there is not, or that has none.
    """
    try:
        found = databases(app, services)
    except ConfigurationError as error:
        raise UsageMistake(str(error)) from error
    async with contextlib.AsyncExitStack() as stack:
        there: dict[str, Database] = {}
        for name, database in found.items():
            if database.dialect == "sqlite" and not database.path.exists():
                continue
            await database.start(migrate=False)
            stack.push_async_callback(database.close)
            there[name] = database
        yield there


def has_broker(app: App, topology: str | None) -> bool:
    """Whether a broker carries the events, in the topology that is named, or that runs, or else in the first."""
    if topology is None:
        runs = [run.topology for run in running(app.home)]
        topology = runs[0] if runs else None
    return plan(app, topology).broker != "embedded"
