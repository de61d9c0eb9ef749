# expect: batch_stream.py:9: Shop.prices: a stream can't be part of a batch; leave out batch
from collections.abc import AsyncIterator

from freestone.contract import Contract, query


class Shop(Contract):
    @query(batch=True)
    def prices(self, items: tuple[str, ...]) -> AsyncIterator[int]:
        """Return prices."""
