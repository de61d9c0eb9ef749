# expect: set_of_lists.py:7: Progress.groups, result: set[list[str]]: a set can't hold "list[str]", which is mutable; say tuple[…, ...] for its items
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def groups(self) -> set[list[str]]:
        """Return the groups."""
