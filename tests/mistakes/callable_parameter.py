# expect: callable_parameter.py:9: Progress.path, parameter key: Callable[…]: "Callable[…]" can't cross a process boundary; send data; what is to be called is an operation of a contract
from collections.abc import Callable

from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def path(self, key: Callable[[str], int]) -> str:
        """Return a path."""
