# expect: dependency_on_a_service.py:30: ProgressService.catalog: CatalogService: a service depends on contracts, not on the classes that keep them; say Catalog
from collections.abc import AsyncIterator

from freestone.contract import Contract, command, query
from freestone.service import service


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


class CatalogService(Catalog):
    pass


@service
class ProgressService(Progress):
    catalog: CatalogService

    async def enrol(self, learner, path):
        pass
