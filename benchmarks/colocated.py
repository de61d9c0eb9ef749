"""A co-located call against a direct ``await`` of the same method, in one process."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from statistics import median

from freestone import Contract, Message, deadline, query
from freestone.call import Dispatcher, LocalTransport, client

from .payload import CUSTOMER, NUMBER, Orders, OrdersService


class Basket(Message):
    """Something mutable inside: each call copies it, there and back."""

    items: list[str]
    counts: dict[str, int]


class Baskets(Contract):
    """What is measured with a copy."""

    @query
    async def check(self, basket: Basket) -> Basket:
        """Return it."""


class BasketsService(Baskets):
    """Returns what it got."""

    async def check(self, basket: Basket) -> Basket:
        """Return it."""
        return basket


async def compare(rounds: int, calls: int = 20_000) -> dict[str, list[float]]:
    """Return nanoseconds a call, for each way and round."""
    orders, baskets = OrdersService(), BasketsService()
    dispatcher = Dispatcher({"orders": orders, "baskets": baskets})
    near = client(Orders, LocalTransport(dispatcher, "orders"))
    copied = client(Baskets, LocalTransport(dispatcher, "baskets"))
    basket = Basket(["a", "b", "c"], {"a": 1, "b": 2})
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "direct await": lambda: orders.order(CUSTOMER, NUMBER),
        "co-located call": lambda: near.order(CUSTOMER, NUMBER),
        "direct await, mutable message": lambda: baskets.check(basket),
        "co-located call, mutable message": lambda: copied.check(basket),
    }
    results: dict[str, list[float]] = {name: [] for name in ways}
    async with deadline(3600):  # as in a handler: the caller's deadline is there already
        for _ in range(rounds):
            for name, call in ways.items():
                began = time.perf_counter_ns()
                for _ in range(calls):
                    await call()
                results[name].append((time.perf_counter_ns() - began) / calls)
    return results


def table(results: dict[str, list[float]]) -> str:
    """Return the medians as a Markdown table."""
    lines = ["| in one process | ns a call | more than a direct await |", "|---|---|---|"]
    names = list(results)
    for direct, call in zip(names[::2], names[1::2], strict=True):
        more = median(a - b for a, b in zip(results[call], results[direct], strict=True))
        lines.append(f"| {direct} | {median(results[direct]):,.0f} | |")
        lines.append(f"| {call} | {median(results[call]):,.0f} | +{more:,.0f} ns |")
    return "\n".join(lines)
