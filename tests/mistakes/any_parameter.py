# expect: any_parameter.py:9: Progress.path, parameter options: Any: "Any" can't cross a process boundary; name a concrete type
from typing import Any

from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def path(self, options: Any) -> str:
        """Return a path."""
