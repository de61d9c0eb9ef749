# expect: schedule_options.py:23: ProgressService.close: missed='twice' is unknown; say one of 'skip', 'once', 'all'
# expect: schedule_options.py:23: ProgressService.close: deadline=0 leaves no time; say how long a run may take, as "10m"
# expect: schedule_options.py:23: ProgressService.close: name='' is no name; use 1 to 100 printable characters of ASCII
# expect: schedule_options.py:23: ProgressService.close: jitter='5m' reaches the next tick, 5m later; say less than that
# expect: schedule_options.py:27: ProgressService.clear: deadline='soon' is no duration; say "30s", "10m", or a number of seconds
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

    @every("5m", missed="twice", deadline=0, jitter="5m", name="")
    async def close(self):
        """Close what is idle."""

    @every("5m", deadline="soon")
    async def clear(self):
        """Clear up."""
