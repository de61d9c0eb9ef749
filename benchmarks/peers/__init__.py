"""The peers: each has ``serve(address)``, which runs in a process of its own, and ``connect(address)``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to make the call."""

    name: str
    module: str
    """Where ``serve(address: str)`` and ``connect(address: str)`` are."""
    most: int = 1_000_000
    """The most requests a round, for a peer so slow that it would hold up the others."""


Connect = Callable[[str], AbstractAsyncContextManager[Call]]
Connected = AsyncIterator[Call]

PEERS = (
    Peer("raw echo on uvloop", "benchmarks.peers.echo"),
    Peer("freestone, Unix socket", "benchmarks.peers.freestone_unix"),
    Peer("freestone, TCP", "benchmarks.peers.freestone_tcp"),
    Peer("grpc.aio", "benchmarks.peers.grpc_aio"),
    Peer("FastAPI, uvicorn, httpx", "benchmarks.peers.fastapi_httpx", most=300),
    Peer("FastAPI, uvicorn, aiohttp", "benchmarks.peers.fastapi_aiohttp"),
)
