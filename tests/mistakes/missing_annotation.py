# expect: missing_annotation.py:7: Progress.path, parameter name: it has no annotation; say name: and its type
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def path(self, name) -> str:
        """Return a path."""
