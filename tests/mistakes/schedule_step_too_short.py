# expect: schedule_step_too_short.py:19: ProgressService.close: '1.5s' is no whole number of seconds; say "1s" or more, as "30s"
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

    @every("1.5s")
    async def close(self):
        """Close what is idle."""
