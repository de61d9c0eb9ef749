# expect: own_constructor.py:26: ProgressService.__init__: a service is constructed from its annotated attributes; move what it does to async def start(self)
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
class ProgressService(Progress):
    def __init__(self, catalog):
        self.catalog = catalog

    async def enrol(self, learner, path):
        pass
