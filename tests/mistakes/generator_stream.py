# expect: generator_stream.py:9: Progress.watch, result: AsyncGenerator[str, None]: a stream has one way only; say AsyncIterator[str]
from collections.abc import AsyncGenerator

from freestone.contract import Contract, query


class Progress(Contract):
    @query
    def watch(self, path: str) -> AsyncGenerator[str, None]:
        """Follow a path."""
