"""A gateway as an ASGI application: what answers which request."""

# A contract's methods have a docstring for a body.
# mypy: disable-error-code="empty-body"
from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from freestone.contract import Contract, command, query
from freestone.gateway import Gateway, LifespanFailed, client, delete, get, mount
from freestone.gateway.lifespan import Lifespan
from freestone.service import Identity


class Catalog(Contract):
    """The learning paths."""

    @query
    async def title(self, path: str) -> str:
        """Return the title of a path."""

    @command
    async def remove(self, path: str) -> None:
        """Remove a path."""


class Hidden(Contract):
    """Not for the website."""

    @query
    async def secret(self) -> str:
        """Return a secret."""


class CatalogService(Catalog):
    async def title(self, path: str) -> str:
        return path.title()

    async def remove(self, path: str) -> None:
        return None


class HiddenService(Hidden):
    async def secret(self) -> str:
        return "secret"


SERVICES: dict[type[Any], Any] = {Catalog: CatalogService(), Hidden: HiddenService()}


async def page(request: Request) -> Response:
    return PlainTextResponse("page of " + await client(request, Catalog).title("x"))


async def peek(request: Request) -> Response:
    return PlainTextResponse(await client(request, Hidden).secret())


async def places(request: Request) -> Response:
    return JSONResponse({"root": request.scope["root_path"], "url": str(request.url_for("places"))})


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await client(socket, Catalog).title(await socket.receive_text()))
    await socket.close()


events: list[str] = []


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    events.append("start")
    yield {"pool": "its pool"}
    events.append("stop")


async def pool(request: Request) -> Response:
    return PlainTextResponse(request.state.pool)


website = Starlette(
    routes=[
        Route("/page", page),
        Route("/peek", peek),
        Route("/places", places, name="places"),
        Route("/paths/{path}", page, methods=["POST"]),
        Route("/pool", pool),
        WebSocketRoute("/talk", talk),
    ],
    lifespan=lifespan,
)


async def shop(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http", "the shop speaks HTTP only"
    await PlainTextResponse("shop")(scope, receive, send)


routes = (get("/paths/{path}", Catalog.title), delete("/paths/{path}", Catalog.remove))
alone = Gateway(*routes)
whole = Gateway(*routes, mount("/", website, needs=(Catalog,)), mount("/shop", shop), get("/hidden", Hidden.secret))


@contextlib.asynccontextmanager
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(gateway.asgi(SERVICES))
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as made:
        yield made


async def test_an_unknown_path_is_a_problem() -> None:
    """Where nothing is mounted that could answer."""
    async with http(alone) as edge:
        response = await edge.get("/other")
    assert response.status_code == 404
    assert response.json() == {
        "type": "urn:freestone:problem:no-such-route",
        "title": "Nothing is served at this path",
        "status": 404,
        "detail": "there is nothing at /other",
        "instance": "/other",
        "code": "NOT_FOUND",
        "may_have_happened": False,
    }


async def test_a_wrong_method_is_told_the_right_ones() -> None:
    """In the body, and in Allow as RFC 9110 demands."""
    async with http(alone) as edge:
        response = await edge.post("/paths/x")
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET"
    assert response.json()["detail"] == "/paths/x has DELETE, GET, not POST"


async def test_a_path_that_is_not_utf8_is_a_problem() -> None:
    """It is no 500, and no other path."""
    async with http(alone) as edge:
        response = await edge.get("/paths/%ff")
    assert (response.status_code, response.json()["detail"]) == (400, "the path is not percent-encoded UTF-8")


async def test_types_of_problems_begin_as_the_application_says() -> None:
    """For those of the gateway itself too."""
    async with http(Gateway(*routes, problems_base="https://x.test/p#")) as edge:
        assert (await edge.get("/other")).json()["type"] == "https://x.test/p#no-such-route"


async def test_a_route_comes_before_a_mount() -> None:
    """Also one that is declared after it."""
    async with http(whole) as edge:
        assert (await edge.get("/paths/x")).json() == "X"
        assert (await edge.get("/hidden")).json() == "secret"
        assert (await edge.get("/page")).text == "page of X"


async def test_a_mount_answers_the_methods_that_routes_leave() -> None:
    """So one method of one path can move out of an old application."""
    async with http(whole) as edge:
        assert (await edge.post("/paths/x")).text == "page of X"


async def test_the_longest_mount_answers() -> None:
    """Whatever the order; and a name that merely begins alike is not below it."""
    async with http(whole) as edge:
        assert (await edge.get("/shop")).text == "shop"
        assert (await edge.get("/shop/a/b")).text == "shop"
        assert (await edge.get("/shopping")).status_code == 404


async def test_a_mounted_application_knows_where_it_is() -> None:
    """Links that it makes lead back to it."""
    async with http(Gateway(mount("/site", website, needs=(Catalog,)))) as edge:
        assert (await edge.get("/site/places")).json() == {"root": "/site", "url": "http://edge/site/places"}
        assert (await edge.get("/site/page")).text == "page of X"


async def test_a_mounted_application_has_only_the_clients_it_names() -> None:
    """The others of the gateway are not its own."""
    async with http(whole) as edge:
        with pytest.raises(LookupError) as caught:
            await edge.get("/peek")
    assert str(caught.value) == (
        "the mounted application may not call Hidden: its mount names Catalog; add Hidden to its needs=(…)"
    )


def test_an_application_outside_of_a_gateway_has_no_clients() -> None:
    """And is told where they would come from."""
    with pytest.raises(LookupError) as caught:
        client({"type": "http"}, Catalog)
    assert str(caught.value) == (
        "there is no client for Catalog: the application is not mounted in a gateway; "
        "serve it through Gateway(mount(…, needs=(Catalog,)))"
    )


def test_a_gateway_needs_all_its_clients() -> None:
    """Those that are missing are named before the first request."""
    with pytest.raises(LookupError, match="the gateway needs clients for Catalog, and was given none"):
        alone.asgi({})


async def test_the_lifespan_of_a_mounted_application_runs() -> None:
    """Under any server that runs the gateway's own; its state is in its requests."""
    events.clear()
    app = whole.asgi(SERVICES)
    life = Lifespan(app, "the gateway", {})
    await life.start()
    assert events == ["start"]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as edge:
        assert (await edge.get("/pool")).text == "its pool"
        assert (await edge.get("/page")).text == "page of X"
    await life.stop()
    assert events == ["start", "stop"]


async def test_what_was_started_is_stopped_when_another_does_not_start() -> None:
    """The server is told which one, and why."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no money"})

    events.clear()
    gateway = Gateway(mount("/website", website, needs=(Catalog,)), mount("/shop", broken))
    with pytest.raises(LifespanFailed) as caught:
        await Lifespan(gateway.asgi(SERVICES), "the gateway", {}).start()
    assert str(caught.value) == ("the gateway did not start: the application at /shop did not start: no money")
    assert events == ["start", "stop"]


async def test_an_application_that_fails_to_stop_does_not_keep_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """They are stopped all the same, and the log says what happened."""

    async def sticky(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "the door is jammed"})

    events.clear()
    app = Gateway(mount("/website", website, needs=(Catalog,)), mount("/shop", sticky)).asgi(SERVICES)
    await app.start()
    await app.stop()
    assert events == ["start", "stop"]
    assert "the application at /shop did not stop: the door is jammed" in caplog.text


async def websocket(app: Any, path: str, *messages: Any) -> list[Any]:
    """Return what an application sends for these messages of a client."""
    received = [{"type": "websocket.connect"}, *messages]
    sent: list[Any] = []

    async def receive() -> Any:
        return received.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "websocket", "path": path, "query_string": b"", "headers": []}, receive, send)
    return sent


async def test_a_websocket_reaches_a_mounted_application() -> None:
    """With its clients."""
    sent = await websocket(whole.asgi(SERVICES), "/talk", {"type": "websocket.receive", "text": "abc"})
    assert [it["type"] for it in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert sent[1]["text"] == "Abc"


async def test_a_websocket_that_nobody_takes_is_closed() -> None:
    """A route answers HTTP only."""
    assert await websocket(alone.asgi(SERVICES), "/paths/x") == [{"type": "websocket.close", "code": 1008}]


async def test_auth_may_ask_a_service() -> None:
    """A route's ``auth`` finds clients for every contract that the gateway's lines name."""

    async def learner(request: Request) -> Identity:
        return Identity(await client(request, Hidden).secret())

    gateway = Gateway(
        get("/{path}", Catalog.title, auth=learner), mount("/site", PlainTextResponse(""), needs=(Hidden,))
    )
    transport = httpx.ASGITransport(app=gateway.asgi(SERVICES))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        response = await http.get("/microservices")
    assert (response.status_code, response.json()) == (200, "Microservices")
