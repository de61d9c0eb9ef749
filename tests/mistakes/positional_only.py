# expect: positional_only.py:7: Progress.path, parameter name: positional-only parameters can't cross; leave out the /; parameters travel by name
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def path(self, name: str, /) -> str:
        """Return a path."""
