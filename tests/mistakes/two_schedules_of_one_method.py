# expect: two_schedules_of_one_method.py:20: ProgressService.close: it has a schedule already; write a second method that calls the first
from freestone.contract import Contract, query
from freestone.schedule import every
from freestone.service import service


class Progress(Contract):
    @query
    async def where(self) -> str:
        """Return where one is."""


@service
class ProgressService(Progress):
    async def where(self):
        return ""

    @every("5m")
    @every("7m")
    async def close(self):
        """Close what is idle."""
