# expect: schedule_of_an_operation.py:23: ProgressService.put: it is an operation of the contract; schedule a method of its own that calls it
from freestone.contract import Contract, command, query
from freestone.schedule import every
from freestone.service import service


class Progress(Contract):
    @query
    async def where(self) -> str:
        """Return where one is."""

    @command
    async def put(self) -> None:
        """Put something down."""


@service
class ProgressService(Progress):
    async def where(self):
        return ""

    @every("5m")
    async def put(self):
        """Put something down."""
