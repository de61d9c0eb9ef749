# expect: cycle_of_constructors.py:25: catalog → progress → catalog: these services need each other, so that none can be started first; turn one of the calls into an event, or move what both need into a third service
from collections.abc import AsyncIterator

from freestone.contract import Contract, command, query
from freestone.service import order, service


class Catalog(Contract):
    @query
    async def title(self, path: str, short: bool = False) -> str:
        """Return the title of a path."""

    @query
    def watch(self, path: str) -> AsyncIterator[str]:
        """Follow a path."""


class Progress(Contract):
    @command
    async def enrol(self, learner: str, path: str) -> None:
        """Enrol a learner."""


@service
class CatalogService(Catalog):
    progress: Progress

    async def title(self, path, short=False):
        return path

    async def watch(self, path):
        yield path


@service
class ProgressService(Progress):
    catalog: Catalog

    async def enrol(self, learner, path):
        pass


order({"catalog": CatalogService, "progress": ProgressService})
