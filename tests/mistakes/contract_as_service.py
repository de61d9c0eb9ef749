# expect: contract_as_service.py:25: Identity: it is a contract, and keeps none; derive a class from it, and decorate that
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
class Identity(Contract):
    """Who is who."""
