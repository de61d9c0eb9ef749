# expect: service_as_argument.py:11: Progress.compare, parameter other: Catalog: a service can't be sent; let whoever needs it declare it as a dependency
from freestone.contract import Contract, query


class Catalog(Contract):
    """Learning paths."""


class Progress(Contract):
    @query
    async def compare(self, other: Catalog) -> int:
        """Compare the two."""
