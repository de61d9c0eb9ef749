# expect: service_asks_for_more.py:26: ProgressService.enrol, parameter coupon: the contract does not have it, so nobody gives it; take it out, or add it to the contract
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
    async def enrol(self, learner, path, coupon):
        pass
