"""FastAPI, asked with httpx: what most teams have."""

from __future__ import annotations

from contextlib import asynccontextmanager

from benchmarks.payload import CUSTOMER, NUMBER

from . import Calls, Connected
from .fastapi_server import Order
from .fastapi_server import serve as serve


@asynccontextmanager
async def connect(address: str) -> Connected:
    """Give the calls."""
    import httpx  # a server does without

    limits = httpx.Limits(max_connections=256, max_keepalive_connections=256)
    transport = httpx.AsyncHTTPTransport(uds=address, limits=limits)
    async with httpx.AsyncClient(transport=transport, base_url="http://peer", timeout=60) as http:

        async def call() -> Order:
            answer = await http.post("/order", json={"customer": CUSTOMER, "number": NUMBER})
            return Order.model_validate_json(answer.content)

        yield Calls(call)
