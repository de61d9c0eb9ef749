# expect: property.py:8: Progress.size: a property can't be an operation; leave out @property
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    @property
    async def size(self) -> int:
        """Return the size."""
