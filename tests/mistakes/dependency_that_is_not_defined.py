# expect: dependency_that_is_not_defined.py:26: ProgressService.catalog: Katalog: it has no meaning here: name 'Katalog' is not defined; import it, and not under TYPE_CHECKING
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
    catalog: "Katalog"

    async def enrol(self, learner, path):
        pass
