"""A co-located call against a direct ``await`` of the same method, and against the wire, in one process; and what it
costs that a call belongs to a trace.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from freestone import Contract, Message, deadline, query
from freestone.app import connect
from freestone.call import Dispatcher, LocalTransport, Server, UnixAddress, client
from freestone.service import TraceParent, continuing
from freestone.wire import Hello

from .payload import CUSTOMER, NUMBER, Orders, OrdersService

DIRECT, CALL = "direct await", "co-located call"
DIRECT_MUTABLE, CALL_MUTABLE = "direct await, mutable message", "co-located call, mutable message"
CALL_TRACED = "co-located call, in a trace that is not sampled"
WIRE = "call over a Unix socket to the same process"
MANY = "the same, 32 at a time"
MANY_TRACED = "the same, 32 at a time, in a trace that is not sampled"
PARENT = TraceParent("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


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
    results: dict[str, list[float]] = {name: [] for name in (*ways, CALL_TRACED, WIRE, MANY, MANY_TRACED)}
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
                results[WIRE].append(await _nanoseconds(lambda: far.order(CUSTOMER, NUMBER), calls // 10))
                results[MANY].append(await _together(lambda: far.order(CUSTOMER, NUMBER), calls // 2))
                with continuing(PARENT, ""):
                    results[MANY_TRACED].append(await _together(lambda: far.order(CUSTOMER, NUMBER), calls // 2))
                    results[CALL_TRACED].append(await _nanoseconds(ways[CALL], calls))
        await server.close()
    return results


async def _nanoseconds(call: Callable[[], Awaitable[object]], calls: int) -> float:
    began = time.process_time_ns()  # it waits for nobody, so its time is its CPU's, whatever else the machine does
    for _ in range(calls):
        await call()
    return (time.process_time_ns() - began) / calls


async def _together(call: Callable[[], Awaitable[object]], calls: int, at_a_time: int = 32) -> float:
    each = calls // at_a_time

    async def caller() -> float:
        return await _nanoseconds(call, each)

    # Each caller sees the CPU that all of them used, of which its share is one part.
    return max(await asyncio.gather(*(caller() for _ in range(at_a_time)))) / at_a_time


def more(results: dict[str, list[float]], call: str, direct: str) -> list[float]:
    """Return, for each round, the microseconds that a call takes more than another, as a direct ``await``."""
    return [(a - b) / 1000 for a, b in zip(results[call], results[direct], strict=True)]


def table(results: dict[str, list[float]]) -> str:
    """Return the medians as a Markdown table."""
    lines = ["| in one process | ns a call | more than a direct await |", "|---|---|---|"]
    for call in (DIRECT, CALL, CALL_TRACED, DIRECT_MUTABLE, CALL_MUTABLE, WIRE, MANY, MANY_TRACED):
        direct = {CALL: DIRECT, CALL_TRACED: DIRECT, CALL_MUTABLE: DIRECT_MUTABLE}.get(call)
        added = "" if direct is None else f"+{median(more(results, call, direct)) * 1000:,.0f} ns"
        lines.append(f"| {call} | {median(results[call]):,.0f} | {added} |")
    return "\n".join(lines)
