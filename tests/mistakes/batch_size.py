# expect: batch_size.py:7: Shop.prices: batch=1 is no size; say batch=True, or the most items, from 2 to 10000
from freestone.contract import Contract, query


class Shop(Contract):
    @query(batch=1)
    async def prices(self, items: tuple[str, ...]) -> tuple[int, ...]:
        """Return prices."""
