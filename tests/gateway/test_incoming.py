"""What a request says in its headers: the trace that it belongs to, and the key of its command."""

# A contract's methods have a docstring for a body.
# mypy: disable-error-code="empty-body"
from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from freestone.call import Dispatcher, LocalTransport
from freestone.call import client as client_of
from freestone.contract import Contract, Message, command, query
from freestone.gateway import Gateway, client, get, mount, post
from freestone.service import current

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Seen(Message):
    """What a handler knows."""

    trace_id: str
    span_id: str | None
    flags: int
    state: str
    key: str | None


class Desk(Contract):
    """Says what it sees."""

    @query
    async def look(self) -> Seen:
        """Return what a query sees."""

    @command
    async def sign(self) -> Seen:
        """Return what a command sees."""


class DeskService(Desk):
    async def look(self) -> Seen:
        context = current()
        assert context is not None
        return Seen(context.trace_id, context.span_id, context.flags, context.state, context.idempotency_key)

    async def sign(self) -> Seen:
        return await self.look()


async def website(scope: Scope, receive: Receive, send: Send) -> None:
    seen = await client(scope, Desk).look()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": seen.trace_id.encode()})


@pytest.fixture
def http() -> httpx.AsyncClient:
    desk = client_of(Desk, LocalTransport(Dispatcher({"desk": DeskService()}), "desk"))
    gateway = Gateway(get("/look", Desk.look), post("/sign", Desk.sign), mount("/", website, needs=(Desk,)))
    transport = httpx.ASGITransport(gateway.asgi({Desk: desk}))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def seen(response: httpx.Response) -> Seen:
    assert response.status_code == 200, response.text
    return Seen(**response.json())


async def test_a_trace_is_continued(http: httpx.AsyncClient) -> None:
    """With its span, its flags and the state of all headers, in the order in which they came."""
    headers = [("traceparent", PARENT), ("tracestate", "rojo=00f067aa0ba902b7"), ("tracestate", "congo=t61rcWkgMzE")]
    answer = await seen(await http.get("/look", headers=headers))
    assert answer == Seen(TRACE, SPAN, 1, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", None)


async def test_a_mounted_application_is_in_the_trace_too(http: httpx.AsyncClient) -> None:
    """Its calls are."""
    assert (await http.get("/page", headers={"traceparent": PARENT})).text == TRACE
    assert (await http.get("/page")).text != TRACE


async def test_a_problem_tells_the_trace(http: httpx.AsyncClient) -> None:
    """That of whoever asked."""
    response = await http.post("/sign", headers={"traceparent": PARENT, "idempotency-key": ""})
    assert response.json()["trace_id"] == TRACE


@pytest.mark.parametrize(
    "headers", [[], [("traceparent", "00-x")], [("traceparent", PARENT), ("traceparent", PARENT)]],
)  # fmt: skip
async def test_without_a_valid_trace_one_is_begun(http: httpx.AsyncClient, headers: list[tuple[str, str]]) -> None:
    """What is invalid is ignored, the state with it."""
    answer = await seen(await http.get("/look", headers=[*headers, ("tracestate", "a=1")]))
    assert answer.trace_id != TRACE
    assert len(answer.trace_id) == 32
    assert (answer.span_id, answer.flags, answer.state) == (None, 0, "")


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ('"8e03978e-40d5-43dd"', "8e03978e-40d5-43dd"),
        ("8e03978e-40d5-43dd", "8e03978e-40d5-43dd"),
        (r'"a \"b\" \\c"', r'a "b" \c'),
    ],
)
async def test_a_client_gives_a_command_its_key(http: httpx.AsyncClient, written: str, key: str) -> None:
    """As a string of a structured field, or bare."""
    answer = await seen(await http.post("/sign", headers={"Idempotency-Key": written}))
    assert answer.key == key


async def test_a_command_without_a_given_key_has_one_of_its_own(http: httpx.AsyncClient) -> None:
    """Each its own."""
    one, two = await seen(await http.post("/sign")), await seen(await http.post("/sign"))
    assert one.key is not None
    assert one.key != two.key


async def test_a_query_needs_no_key(http: httpx.AsyncClient) -> None:
    """One that is sent with it is ignored, whatever it is."""
    assert (await seen(await http.get("/look", headers={"Idempotency-Key": '"'}))).key is None


@pytest.mark.parametrize(
    "headers",
    [
        [("Idempotency-Key", "")],
        [("Idempotency-Key", '""')],
        [("Idempotency-Key", '"a')],
        [("Idempotency-Key", "x" * 256)],
        [("Idempotency-Key", b"\xe4")],
        [("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
    ],
)
async def test_a_key_that_is_none_is_refused(http: httpx.AsyncClient, headers: Any) -> None:
    """The command is not called: the client believes that it may ask again."""
    response = await http.post("/sign", headers=headers)
    assert response.status_code == 400
    assert response.json()["detail"] == (
        'Idempotency-Key is one string of 1 to 255 printable characters of ASCII, as "8e03978e-40d5-43dd"'
    )
