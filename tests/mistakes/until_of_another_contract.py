# expect: until_of_another_contract.py:18: Shop.price: until names Ordered, which is no event of Shop; name one that is declared in the contract, or beside it and before it
from freestone.contract import Contract, Event, command, query


class Orders(Contract):
    class Ordered(Event, key="item"):
        item: str

    @command
    async def order(self, item: str) -> None: ...


class Shop(Contract):
    class Priced(Event, key="item"):
        item: str

    @query(cache="10m", until=[Priced, Orders.Ordered])
    async def price(self, item: str) -> int:
        """Return a price."""
