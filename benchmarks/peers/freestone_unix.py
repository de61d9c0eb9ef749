"""Freestone's wire, on a Unix socket."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from freestone.cli.imports import importing

with importing():  # as every process of an application does
    from benchmarks.payload import CUSTOMER, NUMBER, Orders, OrdersService
    from freestone.call import Dispatcher, Server, parse_address
    from freestone.wire import Hello

from . import Calls, Connected


async def serve(address: str) -> None:
    """Answer until cancelled."""
    await serve_at(f"unix://{address}")


async def serve_at(address: str) -> None:
    """Answer at an address of any kind, until cancelled."""
    hello = Hello(application="bench", process="orders", instance="1")
    server = Server(Dispatcher({"orders": OrdersService()}), hello)
    await server.listen(parse_address(address))
    from freestone.app import settle

    settle()  # as every process of an application does when it has started
    await asyncio.Event().wait()


@asynccontextmanager
async def connect_to(address: str) -> Connected:
    """Give the calls to an address of any kind."""
    from freestone.app import connect as connect_to_service  # a server does without

    async with connect_to_service(Orders, address, service="orders", application="bench") as orders:
        yield Calls(
            lambda: orders.order(CUSTOMER, NUMBER),
            lambda: orders.page(CUSTOMER, NUMBER),
            lambda: orders.later(CUSTOMER, NUMBER),
        )


def connect(address: str) -> AbstractAsyncContextManager[Calls]:
    """Give the calls."""
    return connect_to(f"unix://{address}")
