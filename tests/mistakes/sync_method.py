# expect: sync_method.py:7: Progress.path: it is not async; say async def, or return AsyncIterator[T] if it is a stream
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    def path(self, name: str) -> str:
        """Return a path."""
