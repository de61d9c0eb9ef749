# expect: batch_of_two_sequences.py:7: Shop.prices: a batch is of one parameter that is a sequence, and items, sizes are; declare one that is a tuple[T, ...]
from freestone.contract import Contract, query


class Shop(Contract):
    @query(batch=True)
    async def prices(self, items: tuple[str, ...], sizes: list[int]) -> tuple[int, ...]:
        """Return prices."""
