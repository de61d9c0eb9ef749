# expect: generic_without_argument.py:7: Progress.paths, result: list: "list" does not say of what it is; say list[str], or whatever it holds
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def paths(self) -> list:
        """Return the paths."""
