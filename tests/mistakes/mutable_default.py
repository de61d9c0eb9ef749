# expect: mutable_default.py:7: Progress.paths, parameter levels: list[str]: its default [] is mutable; use a tuple, or None and make it in the service
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def paths(self, levels: list[str] = []) -> list[str]:
        """Return the paths."""
