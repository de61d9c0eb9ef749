# expect: stream_of_nothing_named.py:9: Progress.watch, result: AsyncIterator: it does not say of what it is a stream; say AsyncIterator[T]
from collections.abc import AsyncIterator

from freestone.contract import Contract, query


class Progress(Contract):
    @query
    def watch(self, path: str) -> AsyncIterator:
        """Follow a path."""
