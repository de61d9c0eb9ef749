# expect: service_annotates_with_an_unknown_name.py:26: CatalogService.title, result: Title: it has no meaning here: name 'Title' is not defined; import it, or leave the annotation out; the contract's holds
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
    async def title(self, path, short=False) -> "Title":
        return path

    async def watch(self, path):
        yield path
