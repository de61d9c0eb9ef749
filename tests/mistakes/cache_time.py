# expect: cache_time.py:8: Shop.price: cache='soon': it is no duration, such as "250ms", "10s", "2m" or a number of seconds; say cache="30s", or a number of seconds
# expect: cache_time.py:12: Shop.size: a result can't be kept for no time; leave out cache
from freestone.contract import Contract, query


class Shop(Contract):
    @query(cache="soon")
    async def price(self, item: str) -> int:
        """Return a price."""

    @query(cache=0)
    async def size(self, item: str) -> int:
        """Return a size."""
