# expect: schedule_with_two_parameters.py:19: ProgressService.close: a schedule gives the time of the tick, and nothing else; take (self), or (self, tick)
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
    async def close(self, tick, path):
        """Close what is idle."""
