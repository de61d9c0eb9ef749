# expect: key_without_cache.py:8: Shop.price: key is of a cache, and there is none; say for how long: cache="30s"
# expect: key_without_cache.py:12: Shop.size: shared is of a cache, and there is none; say for how long: cache="30s"
from freestone.contract import Contract, query


class Shop(Contract):
    @query(key="item")
    async def price(self, item: str) -> int:
        """Return a price."""

    @query(shared=True)
    async def size(self, item: str) -> int:
        """Return a size."""
