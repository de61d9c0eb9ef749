# expect: object_in_a_list.py:7: Progress.path, parameter done: list[object]: "object" can't cross a process boundary; name a concrete type
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def path(self, done: list[object]) -> str:
        """Return a path."""
