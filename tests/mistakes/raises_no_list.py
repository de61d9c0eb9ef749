# expect: raises_no_list.py:8: Progress.path: raises=NotFound is not a list; say raises=[NotFound]
from freestone.contract import Contract, query
from freestone.errors import NotFound


class Progress(Contract):
    @query(raises=NotFound)
    async def path(self, name: str) -> str:
        """Return a path."""
