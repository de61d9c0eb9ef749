# expect: schedule_of_another_parameter.py:19: ProgressService.close: its parameter path is the time of the tick, not str; say datetime
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
    async def close(self, path: str):
        """Close what is idle."""
