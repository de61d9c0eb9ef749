"""grpc.aio with protobuf, on a Unix socket."""

from __future__ import annotations

import atexit
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
from grpc_tools import protoc

from benchmarks.payload import CUSTOMER, ITEMS, NUMBER, ROWS

from . import Calls, Connected


def generated() -> tuple[Any, Any]:
    """Compile orders.proto into a folder of this process and import it."""
    source, folder = Path(__file__).parent, TemporaryDirectory(prefix="freestone-bench-")
    atexit.register(folder.cleanup)
    out = folder.name
    if protoc.main(["", f"-I{source}", f"--python_out={out}", f"--grpc_python_out={out}", "orders.proto"]):
        raise SystemExit("protoc could not compile orders.proto")
    sys.path.insert(0, out)
    import orders_pb2
    import orders_pb2_grpc

    return orders_pb2, orders_pb2_grpc


async def serve(address: str) -> None:
    """Answer until cancelled."""
    messages, stubs = generated()
    items = [messages.Item(sku=it.sku, title=it.title, cents=it.cents, stock=it.stock) for it in ITEMS]

    rows = [
        messages.Row(number=it.number, customer=it.customer, title=it.title, note=it.note, cents=it.cents, paid=it.paid)
        for it in ROWS
    ]

    class Orders(stubs.OrdersServicer):  # type: ignore[misc,name-defined]
        async def GetOrder(self, request: Any, context: Any) -> Any:  # noqa: N802 - grpc's own naming
            return messages.Order(number=request.number, customer=request.customer, total=5202, paid=True, items=items)

        async def GetPage(self, request: Any, context: Any) -> Any:  # noqa: N802 - grpc's own naming
            return messages.Page(rows=rows)

    server = grpc.aio.server()
    stubs.add_OrdersServicer_to_server(Orders(), server)
    server.add_insecure_port(f"unix:{address}")
    await server.start()
    await server.wait_for_termination()


@asynccontextmanager
async def connect(address: str) -> Connected:
    """Give the calls."""
    messages, stubs = generated()
    async with grpc.aio.insecure_channel(f"unix:{address}") as channel:
        stub = stubs.OrdersStub(channel)

        async def call() -> Any:
            return await stub.GetOrder(messages.Question(customer=CUSTOMER, number=NUMBER))

        async def large() -> Any:
            return await stub.GetPage(messages.Question(customer=CUSTOMER, number=NUMBER))

        yield Calls(call, large)
