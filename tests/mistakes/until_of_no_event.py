# expect: until_of_no_event.py:8: Shop.price: until names 'Priced', which is no event; name events of Shop
# expect: until_of_no_event.py:12: Shop.size: until=[] names no event; name those that make a result old, or leave out until
from freestone.contract import Contract, query


class Shop(Contract):
    @query(cache="10m", until="Priced")  # type: ignore[arg-type]
    async def price(self, item: str) -> int:
        """Return a price."""

    @query(cache="10m", until=[])
    async def size(self, item: str) -> int:
        """Return a size."""
