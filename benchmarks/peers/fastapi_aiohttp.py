"""FastAPI, asked with aiohttp: the quicker client."""

from __future__ import annotations

from contextlib import asynccontextmanager

from benchmarks.payload import CUSTOMER, NUMBER

from . import Calls, Connected
from .fastapi_server import Order, Page
from .fastapi_server import serve as serve


@asynccontextmanager
async def connect(address: str) -> Connected:
    """Give the calls."""
    import aiohttp  # a server does without

    asked = {"customer": CUSTOMER, "number": NUMBER}
    connector = aiohttp.UnixConnector(path=address, limit=256)
    async with aiohttp.ClientSession("http://peer", connector=connector) as http:

        async def call() -> Order:
            async with http.post("/order", json=asked) as answer:
                return Order.model_validate_json(await answer.read())

        async def large() -> Page:
            async with http.post("/page", json=asked) as answer:
                return Page.model_validate_json(await answer.read())

        yield Calls(call, large)
