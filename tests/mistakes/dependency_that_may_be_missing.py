# expect: dependency_that_may_be_missing.py:26: ProgressService.catalog: Catalog | None: "Catalog | None" is no contract, and nothing else that a host can give; depend on a contract, a resource, a Settings record, Clock, Random or Ids; make the rest in start
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
    catalog: Catalog | None

    async def enrol(self, learner, path):
        pass
