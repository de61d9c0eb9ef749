# expect: cache_key.py:7: Shop.price: key names 'thing', which is no parameter; take from item, size
from freestone.contract import Contract, query


class Shop(Contract):
    @query(cache="30s", key=("item", "thing"))
    async def price(self, item: str, size: int) -> int:
        """Return a price."""
