# expect: custom_class.py:12: Progress.price, result: Money: "Money" can't cross a process boundary; make it a Message
from freestone.contract import Contract, query


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


class Progress(Contract):
    @query
    async def price(self) -> Money:
        """Return the price."""
