# expect: two_service_methods_of_one_name.py:29: ProgressService.enrol: there are two methods of that name, and the later hides the earlier; give one of them another name
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
    async def enrol(self, learner, path):
        pass

    async def enrol(self, learner, path):
        pass
