"""The calls that the peers make: a small question and a small reply; a page of 72 rows; a reply that is waited for."""

from __future__ import annotations

import asyncio

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


class Row(Message):
    """A row of the large reply: about 155 bytes in MessagePack."""

    number: str
    customer: str
    title: str
    note: str
    cents: int
    paid: bool


class Page(Message):
    """The large reply: 72 rows, 11 KB in MessagePack."""

    rows: tuple[Row, ...]


class Orders(Contract):
    """What is measured."""

    @query
    async def order(self, customer: str, number: str) -> Order:
        """Return an order."""

    @query
    async def page(self, customer: str, number: str) -> Page:
        """Return a page of orders."""

    @query
    async def later(self, customer: str, number: str) -> Order:
        """Return an order after a turn of the event loop, as a handler that asks others does."""


CUSTOMER, NUMBER = "customer-000-1234", "order-2026-000042"
ITEMS = tuple(Item(f"sku-{i:06d}", f"Item number {i}", 1299 + i, 7 + i) for i in range(4))
ORDER = Order(NUMBER, CUSTOMER, 5202, True, ITEMS)
ROWS = tuple(
    Row(
        f"order-2026-{i:06d}",
        CUSTOMER,
        f"Item number {i} and others",
        f"to be left with the neighbour at number {i}",
        1299 + i,
        i % 2 == 0,
    )
    for i in range(72)
)


@service
class OrdersService(Orders):
    """Answers at once, so that only the way there and back is measured."""

    async def order(self, customer: str, number: str) -> Order:
        """Return the order."""
        return Order(number, customer, 5202, True, ITEMS)

    async def page(self, customer: str, number: str) -> Page:
        """Return the page."""
        return Page(ROWS)

    async def later(self, customer: str, number: str) -> Order:
        """Return the order, one turn later."""
        await asyncio.sleep(0)
        return Order(number, customer, 5202, True, ITEMS)
