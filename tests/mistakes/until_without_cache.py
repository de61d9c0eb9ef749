# expect: until_without_cache.py:10: Shop.price: until is of a cache, and there is none; say for how long at most: cache="10m"
from freestone.contract import Contract, Event, query


class Shop(Contract):
    class Priced(Event, key="item"):
        item: str

    @query(until=Priced)
    async def price(self, item: str) -> int:
        """Return a price."""
