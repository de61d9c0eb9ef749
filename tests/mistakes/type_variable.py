# expect: type_variable.py:12: Progress.same, parameter value: T: "T" stands for a type that is not known; name a concrete type
# expect: type_variable.py:12: Progress.same, result: T: "T" stands for a type that is not known; name a concrete type
from typing import TypeVar

from freestone.contract import Contract, query

T = TypeVar("T")


class Progress(Contract):
    @query
    async def same(self, value: T) -> T:
        """Return the value."""
