# expect: cache_key_of_nothing.py:7: Shop.price: key=() names no parameter; name those that the result depends on, or leave out key
from freestone.contract import Contract, query


class Shop(Contract):
    @query(cache="30s", key=())
    async def price(self, item: str) -> int:
        """Return a price."""
