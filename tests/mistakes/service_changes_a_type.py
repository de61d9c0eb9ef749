# expect: service_changes_a_type.py:26: CatalogService.title, parameter path: int: the contract says str; say the same here, or leave the annotation out
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


@service
class CatalogService(Catalog):
    async def title(self, path: int, short: bool = False) -> str:
        return path

    async def watch(self, path):
        yield path
