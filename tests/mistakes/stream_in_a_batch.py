# expect: stream_in_a_batch.py:9: Library.titles: a call that takes a stream can't be put together or kept; leave out batch and cache
from collections.abc import AsyncIterator

from freestone.contract import Contract, query


class Library(Contract):
    @query(batch=True)
    async def titles(self, slugs: tuple[str, ...], parts: AsyncIterator[bytes]) -> tuple[str, ...]:
        """Return them."""
