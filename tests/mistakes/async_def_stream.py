# expect: async_def_stream.py:9: Progress.watch: a coroutine that returns an iterator is no stream; say def instead of async def
from collections.abc import AsyncIterator

from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def watch(self, path: str) -> AsyncIterator[str]:
        """Follow a path."""
