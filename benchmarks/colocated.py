"""A co-located call against a direct ``await`` of the same method, and against the wire, in one process."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from freestone import Contract, Message, deadline, query
from freestone.app import connect
from freestone.call import Dispatcher, LocalTransport, Server, UnixAddress, client
from freestone.wire import Hello

from .payload import CUSTOMER, NUMBER, Orders, OrdersService

DIRECT, CALL = "direct await", "co-located call"
DIRECT_MUTABLE, CALL_MUTABLE = "direct await, mutable message", "co-located call, mutable message"
WIRE = "call over a Unix socket to the same process"


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
        DIRECT: lambda: orders.order(CUSTOMER, NUMBER),
        CALL: lambda: near.order(CUSTOMER, NUMBER),
        DIRECT_MUTABLE: lambda: baskets.check(basket),
        CALL_MUTABLE: lambda: copied.check(basket),
    }
    results: dict[str, list[float]] = {name: [] for name in ways}
    with TemporaryDirectory(prefix="fsb-") as directory:
        server = Server(dispatcher, Hello(application="bench", process="orders", instance="1"))
        address = UnixAddress(Path(directory) / "orders.sock")
        await server.listen(address)
        async with (
            connect(Orders, str(address), service="orders", application="bench") as far,
            deadline(3600),  # as in a handler: the caller's deadline is there already
        ):
            for _ in range(rounds):
                for name, call in ways.items():
                    results[name].append(await _nanoseconds(call, calls))
                results.setdefault(WIRE, []).append(
                    await _nanoseconds(lambda: far.order(CUSTOMER, NUMBER), calls // 10)
                )
        await server.close()
    return results


async def _nanoseconds(call: Callable[[], Awaitable[object]], calls: int) -> float:
    began = time.process_time_ns()  # it waits for nobody, so its time is its CPU's, whatever else the machine does
    for _ in range(calls):
        await call()
    return (time.process_time_ns() - began) / calls


def more(results: dict[str, list[float]], call: str, direct: str) -> list[float]:
    """Return, for each round, the microseconds that a call takes more than a direct ``await``."""
    return [(a - b) / 1000 for a, b in zip(results[call], results[direct], strict=True)]


def table(results: dict[str, list[float]]) -> str:
    """Return the medians as a Markdown table."""
    lines = ["| in one process | ns a call | more than a direct await |", "|---|---|---|"]
    for direct, call in ((DIRECT, CALL), (DIRECT_MUTABLE, CALL_MUTABLE), (None, WIRE)):
        if direct is None:
            lines.append(f"| {call} | {median(results[call]):,.0f} | |")
            continue
        lines.append(f"| {direct} | {median(results[direct]):,.0f} | |")
        lines.append(
            f"| {call} | {median(results[call]):,.0f} | +{median(more(results, call, direct)) * 1000:,.0f} ns |"
        )
    return "\n".join(lines)
