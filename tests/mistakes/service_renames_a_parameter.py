# expect: service_renames_a_parameter.py:26: ProgressService.enrol: it takes (self, student, path), and the contract says (self, learner, path); write async def enrol(self, learner, path)
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
    async def enrol(self, student, path):
        pass
