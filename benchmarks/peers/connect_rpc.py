"""connectrpc with protobuf: its ASGI application on uvicorn, and its client, uncompressed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.payload import CUSTOMER, ITEMS, NUMBER

from . import Calls, Connected
from .grpc_aio import generated


def _method(messages: Any) -> Any:
    from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType

    return MethodInfo(
        name="GetOrder",
        service_name="Orders",
        input=messages.Question,
        output=messages.Order,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.UNARY,
    )


async def serve(address: str) -> None:
    """Answer until cancelled. The port is written to the file that the others use as their socket's name."""
    import uvicorn
    from connectrpc.compat import google_protobuf_codecs
    from connectrpc.server import ConnectASGIApplication, Endpoint

    messages, _ = generated()
    items = [messages.Item(sku=it.sku, title=it.title, cents=it.cents, stock=it.stock) for it in ITEMS]

    async def order(request: Any, context: Any) -> Any:
        return messages.Order(number=request.number, customer=request.customer, total=5202, paid=True, items=items)

    class Application(ConnectASGIApplication[Any]):
        path = "/Orders"

    def endpoints(service: Any) -> Mapping[str, Any]:
        return {"/Orders/GetOrder": Endpoint.unary(_method(messages), order)}

    app = Application(service=object(), endpoints=endpoints, compressions=(), codecs=google_protobuf_codecs())
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=600)
    serving = asyncio.ensure_future(uvicorn.Server(config).serve(sockets=[listening]))
    Path(f"{address}.new").write_text(f"http://127.0.0.1:{listening.getsockname()[1]}")
    Path(f"{address}.new").rename(address)
    await serving


@asynccontextmanager
async def connect(address: str) -> Connected:
    """Give the calls."""
    from connectrpc.client import ConnectClient
    from connectrpc.compat import google_protobuf_binary_codec

    messages, _ = generated()
    method = _method(messages)
    client = ConnectClient(
        Path(address).read_text(), codec=google_protobuf_binary_codec(), accept_compression=(), send_compression=None
    )

    async def call() -> Any:
        return await client.execute_unary(request=messages.Question(customer=CUSTOMER, number=NUMBER), method=method)

    yield Calls(call)
    await client.close()
