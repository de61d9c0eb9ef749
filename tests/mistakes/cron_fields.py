# expect: cron_fields.py:20: ProgressService.close: '0 6 * *' has not the five fields of cron; write "minute hour day month weekday", as "0 6 * * 1-5"
# expect: cron_fields.py:24: ProgressService.clear: '0 25 * * *' has a wrong hour; write "minute hour day month weekday", as "0 6 * * 1-5"
from freestone.contract import Contract, query
from freestone.schedule import cron
from freestone.service import service


class Progress(Contract):
    @query
    async def where(self) -> str:
        """Return where one is."""


@service
class ProgressService(Progress):
    async def where(self):
        return ""

    @cron("0 6 * *")
    async def close(self):
        """Close what is idle."""

    @cron("0 25 * * *")
    async def clear(self):
        """Clear up."""
