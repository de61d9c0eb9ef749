# expect: without_self.py:7: Progress.path: it has no self; make self its first parameter
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def path(name: str) -> str:
        """Return a path."""
