# expect: schedule_is_not_async.py:19: ProgressService.close: it is not async; say async def close(self)
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
    def close(self):
        """Close what is idle."""
