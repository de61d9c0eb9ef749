# expect: service_stream_is_no_stream.py:29: CatalogService.watch: the contract promises a stream; yield the items
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
    async def title(self, path, short=False):
        return path

    async def watch(self, path):
        return path
