"""A gateway with real clients: what holds for every call holds for one that comes over HTTP."""

# A contract's methods have a docstring for a body.
# mypy: disable-error-code="empty-body"
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from freestone.call import Dispatcher, LocalTransport
from freestone.call import client as client_of
from freestone.contract import Contract, query
from freestone.gateway import Gateway, get
from freestone.service import Identity, current


class Counter(Contract):
    """Counts."""

    @query
    async def broken(self) -> int:
        """Fail with an error that nobody declared."""

    @query
    async def asker(self) -> str:
        """Return who asks."""

    @query
    async def forever(self) -> int:
        """Never return."""

    @query
    def count(self) -> AsyncIterator[int]:
        """Count to two, then wait for ever."""


class CounterService(Counter):
    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.left = asyncio.Event()

    async def broken(self) -> int:
        raise ZeroDivisionError("the secret of the house")

    async def asker(self) -> str:
        context = current()
        assert context is not None
        assert context.identity is not None
        return context.identity.subject

    async def forever(self) -> int:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        return 0

    async def count(self) -> AsyncIterator[int]:
        yield 1
        yield 2
        yield await self.forever()


async def ada(request: Request) -> Identity:
    return Identity("ada")


gateway = Gateway(
    get("/broken", Counter.broken),
    get("/asker", Counter.asker, auth=ada),
    get("/forever", Counter.forever),
    get("/soon", Counter.forever, deadline=0.01),
    get("/count", Counter.count),
    get("/count/soon", Counter.count, deadline=0.01),
)


class Edge:
    """The gateway in front of a service of the same process."""

    def __init__(self) -> None:
        self.service = CounterService()
        transport = LocalTransport(Dispatcher({"counter": self.service}), "counter")
        self.app = gateway.asgi({Counter: client_of(Counter, transport)})
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://edge")

    async def leave(self, path: str) -> list[Any]:
        """Request something, go away once the service is at work, and return what was sent until then."""
        sent: list[Any] = []

        async def receive() -> Any:
            await self.service.entered.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
        async with asyncio.timeout(5):
            await self.app(scope, receive, send)
        return sent


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    made = Edge()
    async with made.http:
        yield made


async def test_an_undeclared_error_is_logged_once_where_it_happened(
    edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    """The client gets the trace id of that log line, and none of its text."""
    response = await edge.http.get("/broken")
    assert (response.status_code, response.json()["code"]) == (500, "INTERNAL")
    assert "secret" not in response.text
    (record,) = caplog.records
    assert record.name == "freestone.call"
    assert response.json()["trace_id"] in record.getMessage()


async def test_the_identity_reaches_the_service(edge: Edge) -> None:
    """As ``auth`` returned it."""
    assert (await edge.http.get("/asker")).json() == "ada"


async def test_the_deadline_reaches_the_service(edge: Edge) -> None:
    """Its work is cancelled, and the client is told that it may have happened."""
    response = await edge.http.get("/soon")
    assert (response.status_code, response.json()["may_have_happened"]) == (504, True)
    assert edge.service.left.is_set()


async def test_who_goes_away_cancels_the_service(edge: Edge) -> None:
    """Nothing is sent to nobody."""
    assert await edge.leave("/forever") == []
    assert edge.service.left.is_set()


async def test_who_goes_away_closes_the_stream(edge: Edge) -> None:
    """After the items that were sent."""
    sent = await edge.leave("/count")
    assert [message.get("body") for message in sent] == [None, b"1\n", b"2\n"]
    assert edge.service.left.is_set()


async def test_a_stream_ends_at_its_deadline(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    """It is cut off where it is."""
    with pytest.raises(AssertionError):  # httpx insists that an answer is ended
        await edge.http.get("/count/soon")
    assert edge.service.left.is_set()
    assert "GET /count/soon broke off: " in caplog.text
