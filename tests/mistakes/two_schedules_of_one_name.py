# expect: two_schedules_of_one_name.py:23: ProgressService.close_all: close is a schedule named "close" already; give one of them another name
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
    async def close(self):
        """Close what is idle."""

    @every("1d", name="close")
    async def close_all(self):
        """Close everything."""
