# expect: default_none.py:7: Progress.paths, parameter level: str: its default None does not match its type; say str | None
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def paths(self, level: str = None) -> list[str]:
        """Return the paths."""
