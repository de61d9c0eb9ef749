"""Requests to routes, from the status line to the last byte."""

# A contract's methods have a docstring for a body.
# mypy: disable-error-code="empty-body"
from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from freestone.contract import Contract, Message, command, query
from freestone.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from freestone.gateway import Gateway, delete, get, post, put
from freestone.service import Identity, current


class Locked(FailedPrecondition):
    """The resource needs another one first."""

    needs: tuple[str, ...]


class Resource(Message):
    title: str
    minutes: int = 1


class Outline(Message):
    resources: tuple[Resource, ...] = ()


class Seen(Message):
    """What arrived."""

    path: str
    detail: int
    tags: tuple[str, ...]


class Catalog(Contract):
    """The learning paths."""

    @query
    async def path(self, path: str, detail: int = 0, tags: tuple[str, ...] = ()) -> Seen:
        """Return what arrived."""

    @query(raises=[Locked])
    async def failing(self, how: str) -> Resource | None:
        """Fail, as asked."""

    @command
    async def save(self, path: str, outline: Outline, notify: bool = False) -> Outline:
        """Return the outline."""

    @command
    async def remove(self, path: str) -> None:
        """Return nothing."""

    @query
    def watch(self, upto: int, fail: bool = False) -> AsyncIterator[Resource]:
        """Count."""

    @query
    async def who(self, learner: str) -> tuple[str, ...]:
        """Return whom it is told that asks, and who asks."""

    @query
    async def time_left(self) -> float:
        """Return the seconds that are left."""

    @query
    async def forever(self) -> None:
        """Never return."""


class Service(Catalog):
    async def path(self, path: str, detail: int = 0, tags: tuple[str, ...] = ()) -> Seen:
        return Seen(path=path, detail=detail, tags=tags)

    async def failing(self, how: str) -> Resource | None:
        errors: dict[str, Exception] = {
            "locked": Locked("not yet", needs=("basics",)),
            "absent": NotFound("there is no such path"),
            "unavailable": Unavailable("catalog is away"),
            "exhausted": ResourceExhausted("too fast", retry_after=1.5),
            "argument": InvalidArgument("how is odd", field="how"),
            "inner": InvalidArgument("that is another service's", field="colour"),
            "bug": ZeroDivisionError("by zero"),
        }
        raise errors[how]

    async def save(self, path: str, outline: Outline, notify: bool = False) -> Outline:
        for index, resource in enumerate(outline.resources):
            if resource.minutes < 1:
                raise InvalidArgument("it takes a minute at least", field=f"outline.resources[{index}].minutes")
        return outline

    async def remove(self, path: str) -> None:
        return None

    async def watch(self, upto: int, fail: bool = False) -> AsyncIterator[Resource]:
        for number in range(upto):
            yield Resource(title=str(number))
        if fail:
            raise Unavailable("the source is gone")

    async def who(self, learner: str) -> tuple[str, ...]:
        context = current()
        assert context is not None
        assert context.identity is not None
        return (learner, context.identity.subject, *context.identity.scopes)

    async def time_left(self) -> float:
        context = current()
        assert context is not None
        return -1.0 if context.remaining() == math.inf else context.remaining()

    async def forever(self) -> None:
        await asyncio.Event().wait()


async def learner(request: Request) -> Identity:
    token = request.headers.get("authorization")
    if token is None:
        raise Unauthenticated("no token was sent")
    if token == "mallory":
        raise PermissionDenied("mallory may not")
    if token == "teapot":
        raise HTTPException(418, "short and stout")
    if token == "bug":
        raise ZeroDivisionError
    if token == "forgotten":
        return None  # type: ignore[return-value]
    return Identity(token, ("read",))


gateway = Gateway(
    get("/paths/{path}", Catalog.path),
    get("/failing/{how}", Catalog.failing),
    post("/paths/{path}", Catalog.save, status=201),
    put("/paths/{path}", Catalog.save, body="outline"),
    delete("/paths/{path}", Catalog.remove),
    get("/watch", Catalog.watch),
    get("/who", Catalog.who, auth=learner, subject="learner"),
    get("/time-left", Catalog.time_left),
    get("/time-left/endless", Catalog.time_left, deadline=math.inf),
    get("/forever", Catalog.forever, deadline=0.01),
    post("/slow", Catalog.save, deadline=0.01),
    body_limit=200,
)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = gateway.asgi({Catalog: Service()}, deadline=5.0)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as client:
        yield client


def problem(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    found: dict[str, Any] = response.json()
    assert found["status"] == response.status_code
    assert found["instance"] == response.url.raw_path.decode().partition("?")[0]
    return found


async def test_a_result_is_sent_as_json(http: httpx.AsyncClient) -> None:
    """Arguments come from the path and the query string, converted to their types."""
    response = await http.get("/paths/a%2Fb?detail=2&tags=x&tags=y")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"path": "a/b", "detail": 2, "tags": ["x", "y"]}


async def test_head_is_get_without_the_body(http: httpx.AsyncClient) -> None:
    """The length is that of the answer to GET."""
    response = await http.head("/paths/a")
    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["content-length"] == str(len((await http.get("/paths/a")).content))


async def test_the_body_is_an_object_of_parameters(http: httpx.AsyncClient) -> None:
    """What is in neither the path nor the query string is in the body, and the status is the route's."""
    body = {"outline": {"resources": [{"title": "Basics", "minutes": 5}]}}
    response = await http.post("/paths/a?notify=true", json=body)
    assert (response.status_code, response.json()) == (201, body["outline"])


async def test_the_body_is_one_parameter(http: httpx.AsyncClient) -> None:
    """With ``body=`` there is no object around it; the others are in the query string."""
    body = {"resources": [{"title": "Basics", "minutes": 5}]}
    response = await http.put("/paths/a?notify=true", json=body)
    assert (response.status_code, response.json()) == (200, body)


async def test_nothing_is_204(http: httpx.AsyncClient) -> None:
    """None has no body."""
    response = await http.delete("/paths/a")
    assert (response.status_code, response.content) == (204, b"")
    assert "content-type" not in response.headers


@pytest.mark.parametrize(
    ("url", "where", "pointer", "detail"),
    [
        ("/paths/a?detail=x", "query", "/detail", "detail: Expected `int`, got `str`"),
        ("/paths/a?detial=1", "query", "/detial", "there is no parameter detial in the query; it takes detail, tags"),
        ("/paths/a?path=b", "query", "/path", "path is in the path already and can't be in the query"),
        ("/paths/a?detail=1&detail=2", "query", "/detail", "detail takes one value and is in the query more than once"),
        ("/watch", "query", "/upto", "upto is missing"),
        ("/failing/argument", "path", "/how", "how is odd"),
    ],
)
async def test_a_wrong_argument_is_pointed_to(
    http: httpx.AsyncClient, url: str, where: str, pointer: str, detail: str
) -> None:
    """Whether the gateway, the contract or the service finds it."""
    found = problem(await http.get(url))
    assert (found["status"], found["type"]) == (400, "urn:freestone:problem:invalid-argument")
    assert found["errors"] == [{"in": where, "pointer": pointer, "detail": detail}]
    assert found["detail"] == detail
    assert found["field"] == pointer[1:]
    assert found["may_have_happened"] is False


@pytest.mark.parametrize(
    ("method", "body", "pointer", "detail"),
    [
        ("POST", {}, "/outline", "outline is missing"),
        (
            "POST",
            {"outline": {"resources": [{"title": 1}]}},
            "/outline/resources/0/title",
            "outline.resources[0].title: Expected `str`, got `int`",
        ),
        (
            "POST",
            {"outline": {"resources": [{"title": "a"}, {"title": "b", "minutes": 0}]}},
            "/outline/resources/1/minutes",
            "it takes a minute at least",
        ),
        ("POST", {"outline": {}, "notify": "true"}, "/notify", "notify: Expected `bool`, got `str`"),
        ("POST", {"outline": {}, "x": 1}, "/x", "there is no parameter x in the body; it takes outline, notify"),
        ("POST", {"outline": {}, "path": 1}, "/path", "path is in the path already and can't be in the body"),
        (
            "PUT",
            {"resources": [{"title": "b", "minutes": 0}]},
            "/resources/0/minutes",
            "it takes a minute at least",
        ),
        ("PUT", {"resources": {}}, "/resources", "outline.resources: Expected `array`, got `object`"),
        ("PUT", [], "", "outline: Expected `object`, got `array`"),
    ],
)
async def test_the_pointer_leads_into_the_body(
    http: httpx.AsyncClient, method: str, body: Any, pointer: str, detail: str
) -> None:
    """It resolves in what the client sent, with or without an object of parameters around it."""
    found = problem(await http.request(method, "/paths/a", json=body))
    assert found["status"] == 400
    assert found["errors"] == [{"in": "body", "pointer": pointer, "detail": detail}]


async def test_every_misplaced_parameter_is_named_at_once(http: httpx.AsyncClient) -> None:
    """A client that corrects what is listed is done."""
    found = problem(await http.post("/paths/a?notify=true", json={"notify": True, "z": 1}))
    assert [error["detail"] for error in found["errors"]] == [
        "notify is in the query already and can't be in the body",
        "there is no parameter z in the body; it takes outline, notify",
        "outline is missing",
    ]


async def test_a_missing_whole_body_is_named(http: httpx.AsyncClient) -> None:
    """The pointer is that of the whole document."""
    found = problem(await http.put("/paths/a"))
    assert found["errors"] == [
        {"in": "body", "pointer": "", "detail": "the body is missing; it is the parameter outline"}
    ]
    assert found["field"] == "outline"


async def test_a_field_that_the_client_did_not_send_has_no_pointer(http: httpx.AsyncClient) -> None:
    """It is named all the same."""
    found = problem(await http.get("/failing/inner"))
    assert found["field"] == "colour"
    assert "errors" not in found


@pytest.mark.parametrize(
    ("content", "headers", "status", "detail"),
    [
        (b"{", {}, 400, "the body is not JSON: Input data was truncated"),
        (b'"\xff"', {}, 400, "the body is not JSON: it is not UTF-8"),
        (b"[" * 199, {}, 400, "the body is not JSON: Input data was truncated"),
        (b"[]", {}, 400, "expected a JSON object of parameters, got an array"),
        (b"null", {}, 400, "expected a JSON object of parameters, got null"),
        (b"true", {}, 400, "expected a JSON object of parameters, got a boolean"),
        (b'"a"', {}, 400, "expected a JSON object of parameters, got a string"),
        (b"1", {}, 400, "expected a JSON object of parameters, got a number"),
        (b" " * 201, {}, 413, "the body may have 200 bytes, and has more"),
        (b"{}", {"content-type": "text/plain"}, 415, "the body is text/plain; send it as application/json"),
        (b"{}", {"content-type": ""}, 415, "the body is of no stated type; send it as application/json"),
        (
            b"{}",
            {"content-type": "application/json; charset=latin-1"},
            415,
            "the body is JSON in latin-1; send it as UTF-8",
        ),
        (b"{}", {"content-encoding": "gzip"}, 415, "the body is compressed with gzip; send it as it is"),
    ],
)
async def test_a_body_that_cant_be_read_is_refused(
    http: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int, detail: str
) -> None:
    """The detail is a sentence about the body."""
    response = await http.post("/paths/a", content=content, headers={"content-type": "application/json", **headers})
    found = problem(response)
    assert (found["status"], found["detail"]) == (status, detail)
    assert found["may_have_happened"] is False


async def test_a_body_without_a_length_is_limited_too(http: httpx.AsyncClient) -> None:
    """What comes in chunks is counted."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 100

    found = problem(await http.post("/paths/a", content=chunks(), headers={"content-type": "application/json"}))
    assert (found["status"], found["type"]) == (413, "urn:freestone:problem:content-too-large")


async def test_json_of_any_kind_is_json(http: httpx.AsyncClient) -> None:
    """A structured suffix (RFC 6839) and a charset of UTF-8 are welcome."""
    for kind in ("application/vnd.academy+json", 'application/json; charset="utf-8"', "Application/JSON"):
        response = await http.post("/paths/a", content=b'{"outline":{}}', headers={"content-type": kind})
        assert response.status_code == 201


async def test_a_body_where_none_is_read_is_refused(http: httpx.AsyncClient) -> None:
    """It is not silently lost."""
    found = problem(await http.request("DELETE", "/paths/a", json={"hard": True}))
    assert found["detail"] == "a DELETE here has no body; send its parameters in the query string"


@pytest.mark.parametrize(
    ("how", "status", "kind", "detail", "may_have_happened"),
    [
        ("locked", 400, "catalog/locked", "not yet", False),
        ("absent", 404, "not-found", "there is no such path", False),
        ("unavailable", 503, "unavailable", "catalog is away", False),
        ("exhausted", 429, "resource-exhausted", "too fast", False),
    ],
)
async def test_an_error_of_the_service_is_a_problem(
    http: httpx.AsyncClient, how: str, status: int, kind: str, detail: str, may_have_happened: bool
) -> None:
    """Its type is stable, its detail is the error's message."""
    found = problem(await http.get(f"/failing/{how}"))
    assert found["status"] == status
    assert found["type"] == f"urn:freestone:problem:{kind}"
    assert found["detail"] == detail
    assert found["may_have_happened"] is may_have_happened
    assert len(found["trace_id"]) == 32


async def test_a_declared_error_keeps_its_fields(http: httpx.AsyncClient) -> None:
    """A client can say what is needed first."""
    assert problem(await http.get("/failing/locked"))["fields"] == {"needs": ["basics"]}


async def test_exhaustion_has_a_retry_after(http: httpx.AsyncClient) -> None:
    """In whole seconds."""
    assert (await http.get("/failing/exhausted")).headers["retry-after"] == "2"


async def test_a_bug_is_logged_and_not_shown(http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    """The client gets a trace id; the log has the traceback under it."""
    found = problem(await http.get("/failing/bug"))
    assert found["status"] == 500
    assert found["detail"] == (
        f"GET /failing/{{how}} failed; the gateway's log has the details under trace {found['trace_id']}"
    )
    assert found["may_have_happened"] is True
    (record,) = caplog.records
    assert found["trace_id"] in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


async def test_a_stream_is_sent_line_by_line(http: httpx.AsyncClient) -> None:
    """One JSON value a line."""
    response = await http.get("/watch?upto=2")
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.content == b'{"title":"0","minutes":1}\n{"title":"1","minutes":1}\n'


async def test_a_stream_may_be_empty(http: httpx.AsyncClient) -> None:
    """That is a success without lines."""
    response = await http.get("/watch?upto=0")
    assert (response.status_code, response.content) == (200, b"")


async def test_a_stream_that_fails_at_once_has_the_status_of_its_error(http: httpx.AsyncClient) -> None:
    """Nothing was sent yet."""
    found = problem(await http.get("/watch?upto=0&fail=true"))
    assert (found["status"], found["detail"]) == (503, "the source is gone")


async def test_a_stream_that_breaks_is_not_ended(caplog: pytest.LogCaptureFixture) -> None:
    """The message that would end the answer is never sent, so that the client can tell."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return await asyncio.Event().wait()

    caplog.set_level(logging.WARNING, "freestone.gateway")
    app = gateway.asgi({Catalog: Service()})
    scope = {"type": "http", "method": "GET", "path": "/watch", "query_string": b"upto=1&fail=1", "headers": []}
    await app(scope, receive, send)
    assert [message.get("more_body") for message in sent] == [None, True]
    assert "GET /watch broke off: the source is gone" in caplog.text


async def test_a_stream_has_no_head(http: httpx.AsyncClient) -> None:
    """It would be opened for nothing."""
    assert (await http.head("/watch?upto=1")).status_code == 405


async def test_a_call_is_made_on_behalf_of_who_asks(http: httpx.AsyncClient) -> None:
    """The identity is in the context of the call, and its subject is the argument."""
    response = await http.get("/who", headers={"authorization": "ada"})
    assert response.json() == ["ada", "ada", "read"]


async def test_the_subject_cant_be_sent(http: httpx.AsyncClient) -> None:
    """Nobody acts as somebody else by naming them."""
    found = problem(await http.get("/who?learner=bob", headers={"authorization": "ada"}))
    assert found["detail"] == "learner is who you are and can't be in the query"


async def test_who_does_not_say_who_they_are_is_challenged(http: httpx.AsyncClient) -> None:
    """A 401 names the scheme to use, as RFC 9110 demands."""
    response = await http.get("/who")
    assert response.headers["www-authenticate"] == "Bearer"
    assert problem(response)["detail"] == "no token was sent"
    assert response.status_code == 401


@pytest.mark.parametrize(
    ("token", "status", "detail"), [("mallory", 403, "mallory may not"), ("teapot", 418, "short and stout")]
)
async def test_auth_refuses_in_its_own_words(http: httpx.AsyncClient, token: str, status: int, detail: str) -> None:
    """With an error of the tree, or with one of Starlette's."""
    found = problem(await http.get("/who", headers={"authorization": token}))
    assert (found["status"], found["detail"]) == (status, detail)


@pytest.mark.parametrize("token", ["bug", "forgotten"])
async def test_a_bug_in_auth_lets_nobody_in(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, token: str
) -> None:
    """It is a 500, logged; a forgotten return is one too."""
    assert problem(await http.get("/who", headers={"authorization": token}))["status"] == 500
    assert "GET /who failed in the gateway" in caplog.text


async def test_auth_comes_before_the_body() -> None:
    """A stranger's body is not read."""
    read = False

    async def receive() -> Any:
        nonlocal read
        read = True
        return {"type": "http.request"}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    guarded = Gateway(post("/paths/{path}", Catalog.save, auth=learner)).asgi({Catalog: Service()})
    scope = {"type": "http", "method": "POST", "path": "/paths/a", "query_string": b"", "headers": []}
    await guarded(scope, receive, send)
    assert sent[0]["status"] == 401
    assert not read


async def test_a_call_has_the_deadline_of_its_request(http: httpx.AsyncClient) -> None:
    """The host's, or the route's."""
    assert 4.0 < (await http.get("/time-left")).json() <= 5.0
    assert (await http.get("/time-left/endless")).json() == -1.0


async def test_a_request_ends_at_its_deadline(http: httpx.AsyncClient) -> None:
    """The call is cancelled, and the client is told that it may have happened."""
    found = problem(await http.get("/forever"))
    assert (found["status"], found["may_have_happened"]) == (504, True)
    assert found["detail"] == "GET /forever did not end by its deadline"


async def test_a_body_that_does_not_arrive_is_given_up(http: httpx.AsyncClient) -> None:
    """No call was made: the client was too slow, and is told so."""

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    found = problem(await http.post("/slow", content=never(), headers={"content-type": "application/json"}))
    assert (found["status"], found["may_have_happened"]) == (408, False)
    assert found["detail"] == "the body did not arrive within 0.01 s"


async def test_a_client_that_goes_away_cancels_the_call() -> None:
    """The callee's work ends, and nothing is sent."""
    begun, cancelled = asyncio.Event(), asyncio.Event()

    class Waiting(Service):
        async def forever(self) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

    async def receive() -> Any:
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(f"{message} was sent to nobody")

    app = Gateway(get("/forever", Catalog.forever)).asgi({Catalog: Waiting()})
    scope = {"type": "http", "method": "GET", "path": "/forever", "query_string": b"", "headers": []}
    async with asyncio.timeout(5):
        await app(scope, receive, send)
    assert cancelled.is_set()


async def test_a_client_that_goes_away_closes_the_stream() -> None:
    """The generator's ``finally`` runs."""
    taken, closed = asyncio.Event(), asyncio.Event()

    class Watching(Service):
        async def watch(self, upto: int, fail: bool = False) -> AsyncIterator[Resource]:
            try:
                yield Resource(title="first")
                taken.set()
                await asyncio.Event().wait()
            finally:
                closed.set()

    async def receive() -> Any:
        await taken.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        assert message.get("more_body", True)

    app = gateway.asgi({Catalog: Watching()})
    scope = {"type": "http", "method": "GET", "path": "/watch", "query_string": b"upto=1", "headers": []}
    async with asyncio.timeout(5):
        await app(scope, receive, send)
    assert closed.is_set()


async def test_large_numbers_keep_their_digits(http: httpx.AsyncClient) -> None:
    """JSON has no limit to a number, and nothing here rounds one."""
    response = await http.get(f"/paths/a?detail={2**63 - 1}")
    assert msgspec.json.decode(response.content)["detail"] == 2**63 - 1
