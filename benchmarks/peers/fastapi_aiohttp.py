"""FastAPI, asked with aiohttp: the quicker client."""

from __future__ import annotations

from contextlib import asynccontextmanager

import aiohttp

from benchmarks.payload import CUSTOMER, NUMBER

from . import Connected
from .fastapi_server import Order
from .fastapi_server import serve as serve


@asynccontextmanager
async def connect(address: str) -> Connected:
    """Give the call."""
    connector = aiohttp.UnixConnector(path=address, limit=256)
    async with aiohttp.ClientSession("http://peer", connector=connector) as http:

        async def call() -> Order:
            async with http.post("/order", json={"customer": CUSTOMER, "number": NUMBER}) as answer:
                return Order.model_validate_json(await answer.read())

        yield call
