"""The peers: each has ``serve(address)``, which runs in a process of its own, and ``connect(address)``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Calls:
    """What a peer can be asked for."""

    small: Call
    large: Call | None = None
    later: Call | None = None


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to make the calls."""

    name: str
    module: str
    """Where ``serve(address: str)`` and ``connect(address: str)`` are."""
    most: int = 1_000_000
    """The most requests a round, for a peer so slow that it would hold up the others."""
    only: tuple[str, ...] = ()
    """The calls that it is asked for, if not for all that it can answer."""


Connect = Callable[[str], AbstractAsyncContextManager[Calls]]
Connected = AsyncIterator[Calls]

ECHO = Peer("raw echo on uvloop", "benchmarks.peers.echo")
ECHO_BLOCKS = Peer("raw echo, one write for all", "benchmarks.peers.echo_blocks")
FREESTONE = Peer("freestone, Unix socket", "benchmarks.peers.freestone_unix")
FREESTONE_TCP = Peer("freestone, TCP", "benchmarks.peers.freestone_tcp", only=("small",))
FREESTONE_TASKS = Peer("freestone, a task a call", "benchmarks.peers.freestone_tasks", only=("later",))
GRPC = Peer("grpc.aio", "benchmarks.peers.grpc_aio")
CONNECT = Peer("connectrpc", "benchmarks.peers.connect_rpc")
NATS = Peer("nats-py", "benchmarks.peers.nats_py")
FASTAPI_HTTPX = Peer("FastAPI, uvicorn, httpx", "benchmarks.peers.fastapi_httpx", most=100)
FASTAPI = Peer("FastAPI, uvicorn, aiohttp", "benchmarks.peers.fastapi_aiohttp")
PEERS = (ECHO, ECHO_BLOCKS, FREESTONE, FREESTONE_TCP, FREESTONE_TASKS, GRPC, CONNECT, NATS, FASTAPI_HTTPX, FASTAPI)
