# expect: stop_with_a_parameter.py:28: ProgressService.stop: the host calls it without arguments; say async def stop(self)
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
    catalog: Catalog

    async def stop(self, grace):
        pass

    async def enrol(self, learner, path):
        pass
