# expect: default_of_another_type.py:7: Progress.paths, parameter limit: int: its default 'ten' does not match its type; change one of them
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def paths(self, limit: int = "ten") -> list[str]:
        """Return the paths."""
