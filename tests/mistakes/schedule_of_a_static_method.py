# expect: schedule_of_a_static_method.py:20: ProgressService.close: a schedule calls a method; say async def close(self)
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
    @staticmethod
    async def close():
        """Close what is idle."""
