# expect: service_without_contract.py:25: ProgressService: it keeps no contract; derive it from one
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
class ProgressService:
    async def enrol(self, learner: str, path: str) -> None:
        pass
