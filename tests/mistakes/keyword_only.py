# expect: keyword_only.py:7: Progress.paths, parameter limit: keyword-only parameters can't cross; leave out the *; a caller may name any parameter
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def paths(self, *, limit: int = 10) -> list[str]:
        """Return the paths."""
