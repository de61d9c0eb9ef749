"""What can be wrong with the lines of a gateway."""

# A contract's methods have a docstring for a body.
# mypy: disable-error-code="empty-body"
from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.requests import Request

from freestone.contract import Contract, Message, command, query
from freestone.errors import DeclarationError
from freestone.gateway import Gateway, Mount, Route, delete, get, mount, patch, post, put
from freestone.service import Identity


class Outline(Message):
    title: str


class Catalog(Contract):
    """The learning paths."""

    @query
    async def path(self, path: str, detail: int = 0) -> Outline:
        """Return a path."""

    @query
    async def search(self, outline: Outline, limit: int = 10) -> tuple[Outline, ...]:
        """Search by example."""

    @command
    async def rename(self, path: str, outline: Outline) -> None:
        """Rename a path."""

    @query
    def watch(self, path: str) -> AsyncIterator[Outline]:
        """Tell of changes."""

    @command
    async def upload(self, path: str, parts: AsyncIterator[bytes]) -> None:
        """Keep what comes."""

    @query
    async def like(self, example: Outline | None = None) -> Outline:
        """Return something like that."""


class Progress(Contract):
    """How far each learner is."""

    @command
    async def complete(self, learner: str, path: str) -> None:
        """Record a path as done."""


async def learner(request: Request) -> Identity:
    return Identity("ada")


async def website(scope: Any, receive: Any, send: Any) -> None: ...


def plain() -> None: ...


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            get("paths", Catalog.path),
            'GET paths: the path is wrong: it does not begin with "/"; write it as /paths/{path}',
        ),
        (
            get("/x", plain),
            "GET /x: plain is no operation; name a contract's method that is decorated with @query or @command",
        ),
        (
            get("/paths/{slug}", Catalog.path),
            "GET /paths/{slug}: Catalog.path has no parameter slug, which the path names; it takes path, detail",
        ),
        (
            get("/p/{path}/{learner}", Progress.complete),
            "GET /p/{path}/{learner}: Progress.complete is a command, and changes something; "
            "a GET may be repeated, prefetched and cached; route it with post, put, patch or delete",
        ),
        (
            delete("/paths/{path}", Catalog.path),
            "DELETE /paths/{path}: Catalog.path is a query, and changes nothing; "
            "DELETE says that something changes; route it with get, or with post if it needs a body",
        ),
        (
            get("/paths/{path}/changes", Catalog.watch, status=201),
            "GET /paths/{path}/changes: Catalog.watch streams, and can't be answered with 201; "
            "leave status out: the answer has begun before the stream is known to be whole",
        ),
        (
            put("/paths/{path}/parts", Catalog.upload),
            "PUT /paths/{path}/parts: Catalog.upload takes a stream, parts, and a request has none; "
            "route an operation that takes a tuple, or mount an application that calls this one",
        ),
        (
            put("/paths/{path}/changes", Catalog.watch),
            "PUT /paths/{path}/changes: Catalog.watch is a query, and changes nothing; "
            "PUT says that something changes; route it with get, or with post if it needs a body",
        ),
        (
            get("/paths/{path}", Catalog.path, status=404),
            "GET /paths/{path}: status 404 does not mean success; give one from 200 to 299",
        ),
        (
            get("/paths/{path}", Catalog.path, deadline=0),
            "GET /paths/{path}: a deadline of 0 seconds is over at once; give more than 0",
        ),
        (
            post("/done/{path}", Progress.complete, subject="learner"),
            "POST /done/{path}: the parameter learner is the subject of nobody; add auth=, which tells who asks",
        ),
        (
            post("/done/{path}", Progress.complete, auth=learner, subject="who"),
            "POST /done/{path}: Progress.complete has no parameter who, which the subject names; "
            "it takes learner, path",
        ),
        (
            post("/{learner}/done", Progress.complete, auth=learner, subject="learner"),
            "POST /{learner}/done: the parameter learner is both path and subject; name it once",
        ),
        (
            patch("/paths/{path}", Catalog.rename, body="title"),
            "PATCH /paths/{path}: Catalog.rename has no parameter title, which the body names; it takes path, outline",
        ),
        (
            post("/search/{outline}", Catalog.search),
            "POST /search/{outline}: the parameter outline of Catalog.search can't be part of a path; "
            "a path has text and numbers; send it in the body, or in the query string",
        ),
        (
            get("/search", Catalog.search),
            "GET /search: the parameter outline of Catalog.search can't be sent in a query string; "
            "route it with post, or make another parameter the body",
        ),
        (mount("shop", website), 'mount shop: the path is wrong: it does not begin with "/"; write it as /shop'),
        (mount("/{shop}", website), "mount /{shop}: a mount's path has no parameters; write it as /shop"),
        (
            mount("/", website, needs=(Outline,)),
            "mount /: needs Outline, which is no contract; name classes that derive from Contract",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_place(line: Route | Mount, message: str) -> None:
    """Each mistake names the line, what is wrong with it, and what to do."""
    with pytest.raises(DeclarationError) as caught:
        Gateway(line)
    assert str(caught.value) == f"{line.file}:{line.line}: {message}"
    assert line.file == __file__


def test_all_mistakes_are_reported_together() -> None:
    """One start of the program shows everything that is to be corrected."""
    with pytest.raises(DeclarationError) as caught:
        Gateway(get("x", plain), get("/paths/{slug}", Catalog.path, status=500))
    assert [mistake.problem for mistake in caught.value.mistakes] == [
        'the path is wrong: it does not begin with "/"',
        "plain is no operation",
        "status 500 does not mean success",
        "Catalog.path has no parameter slug, which the path names",
    ]


def test_the_same_requests_are_routed_once() -> None:
    """Two routes that differ only in the names of their parameters are one too many."""
    first, second = post("/x/{path}", Progress.complete), post("/x/{learner}", Progress.complete)
    with pytest.raises(DeclarationError) as caught:
        Gateway(first, second)
    assert str(caught.value) == (
        f"{__file__}:{second.line}: POST /x/{{learner}}: {__file__}:{first.line} routes the same requests; "
        "remove one of the two"
    )


def test_a_path_is_mounted_at_once() -> None:
    """A second application at the same path could never answer."""
    first, second = mount("/shop", website), mount("/shop/", website)
    with pytest.raises(DeclarationError, match="mounts at the same path; remove one of the two"):
        Gateway(first, second)


def test_a_route_knows_its_line() -> None:
    """The line is that of the call, so that an editor can open it."""
    frame = inspect.currentframe()
    assert frame is not None
    route = get("/paths/{path}", Catalog.path)
    assert (route.file, route.line) == (__file__, frame.f_lineno - 1)


def test_needs_are_the_contracts_of_routes_and_mounts() -> None:
    """In the order in which they are named, each once."""
    gateway = Gateway(
        mount("/", website, needs=(Progress,)),
        get("/paths/{path}", Catalog.path),
        post("/done/{path}", Progress.complete),
    )
    assert gateway.needs == (Progress, Catalog)


def test_an_optional_parameter_that_is_no_text_does_no_harm() -> None:
    """A contract may gain one without breaking its gateways; it just can't be given there."""
    assert Gateway(get("/like", Catalog.like)).needs == (Catalog,)


def test_a_query_may_have_a_body() -> None:
    """POST suits arguments that a query string can't carry."""
    assert Gateway(post("/search", Catalog.search), post("/changes", Catalog.watch)).needs == (Catalog,)
