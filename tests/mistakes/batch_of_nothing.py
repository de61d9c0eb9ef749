# expect: batch_of_nothing.py:8: Shop.price: a batch needs a parameter that is a sequence; declare one that is a tuple[T, ...]
# expect: batch_of_nothing.py:8: Shop.price: a batch returns one result for each item, and int is no sequence; return a tuple[T, ...], aligned with the items
from freestone.contract import Contract, query


class Shop(Contract):
    @query(batch=True)
    async def price(self, item: str) -> int:
        """Return a price."""
