"""The call that every peer makes: a small question, a reply with some fields of each kind."""

from __future__ import annotations

from freestone import Contract, Message, query, service


class Item(Message):
    """A row of the reply."""

    sku: str
    title: str
    cents: int
    stock: int


class Order(Message):
    """The reply: about 300 bytes in MessagePack."""

    number: str
    customer: str
    total: int
    paid: bool
    items: tuple[Item, ...]


class Orders(Contract):
    """What is measured."""

    @query
    async def order(self, customer: str, number: str) -> Order:
        """Return an order."""


CUSTOMER, NUMBER = "customer-000-1234", "order-2026-000042"
ITEMS = tuple(Item(f"sku-{i:06d}", f"Item number {i}", 1299 + i, 7 + i) for i in range(4))
ORDER = Order(NUMBER, CUSTOMER, 5202, True, ITEMS)


@service
class OrdersService(Orders):
    """Answers at once, so that only the way there and back is measured."""

    async def order(self, customer: str, number: str) -> Order:
        """Return the order."""
        return Order(number, customer, 5202, True, ITEMS)
