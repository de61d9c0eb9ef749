# expect: schedule_step.py:19: ProgressService.close: '5 minutes' is no duration; say "30s", "5m", "1h"
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

    @every("5 minutes")
    async def close(self):
        """Close what is idle."""
