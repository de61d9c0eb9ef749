# expect: cron_zone.py:19: ProgressService.close: there is no time zone 'Mars/Base' here; name one of IANA, as "Europe/Berlin"; or install it with: pip install "freestone[schedules]"
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

    @cron("0 6 * * *", tz="Mars/Base")
    async def close(self):
        """Close what is idle."""
