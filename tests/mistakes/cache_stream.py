# expect: cache_stream.py:9: Shop.prices: a stream can't be kept; leave out cache, or return a tuple
from collections.abc import AsyncIterator

from freestone.contract import Contract, query


class Shop(Contract):
    @query(cache=5)
    def prices(self, item: str) -> AsyncIterator[int]:
        """Return prices."""
