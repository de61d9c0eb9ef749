# expect: keyword_variadic.py:7: Progress.find, parameter **criteria: variadic keyword parameters can't cross; declare each parameter, or one that is a dict
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def find(self, **criteria: str) -> str:
        """Find a path."""
