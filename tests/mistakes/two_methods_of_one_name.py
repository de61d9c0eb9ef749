# expect: two_methods_of_one_name.py:11: Progress.path: there are two methods of that name, and the later hides the earlier; give one of them another name
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def path(self, name: str) -> str:
        """Return a path."""

    @query
    async def path(self, number: int) -> str:
        """Return a path by its number."""
