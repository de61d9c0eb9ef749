"""The web site, as an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from freestone import Identity, acting_as, deadline
from freestone.errors import ServiceError

from .failures import foreign, request_failed, service_failed, site_failed
from .headers import SecurityHeaders
from .origin import SameOrigin
from .pages import account, appearance, learning, lesson, letters, path, paths, search
from .render import STATIC
from .services import Find, from_gateway
from .visitor import visit

PATIENCE: Final = 8.0
"""Seconds that a page may wait for the services; then it says so, which people like better than a blank tab."""

Endpoint = Callable[[Request], Awaitable[Response]]


@final
class Assets(StaticFiles):
    """Static files; one that is asked for by its version never changes, and may be kept."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200 and scope["query_string"].startswith(b"v="):
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def _page(address: str, endpoint: Endpoint, *methods: str) -> Route:
    """A page, for whoever asks: the calls that it makes are theirs, and together have so much time."""

    async def served(request: Request) -> Response:
        async with deadline(PATIENCE, what=f"{request.method} {request.url.path}"):
            learner = (await visit(request)).learner
            with acting_as(Identity(learner.id) if learner else None):
                return await endpoint(request)

    return Route(address, served, name=endpoint.__name__, methods=methods or ("GET",))


ROUTES: Final = (
    _page("/", paths.paths),
    _page("/learning", learning.learning),
    _page("/paths/{path}", path.path),
    _page("/paths/{path}/enrolment", path.enrol, "POST"),
    _page("/paths/{path}/checklist/{item}", path.tick, "POST"),
    _page("/paths/{path}/resources/{resource}", lesson.lesson),
    _page("/paths/{path}/resources/{resource}/done", lesson.complete, "POST"),
    _page("/paths/{path}/resources/{resource}/undone", lesson.undo, "POST"),
    _page("/search", search.search),
    _page("/sign-up", account.sign_up, "GET", "POST"),
    _page("/sign-in", account.sign_in, "GET", "POST"),
    _page("/sign-out", account.sign_out, "POST"),
    _page("/account", account.account),
    _page("/account/email", account.email, "POST"),
    _page("/account/letters", account.letters, "POST"),
    _page("/letters", letters.kept),
    _page(f"{letters.OFF}{{token}}", letters.off, "GET", "POST"),
    _page("/appearance", appearance.appearance, "POST"),
    Mount("/static", Assets(directory=STATIC), name="static"),
)


def site(find: Find) -> Starlette:
    """Return the site, with its clients found by ``find``."""
    made = Starlette(
        routes=ROUTES,
        middleware=[Middleware(SecurityHeaders), Middleware(SameOrigin, refuse=foreign, but=letters.OFF)],
        exception_handlers={
            ServiceError: service_failed,
            HTTPException: request_failed,
            Exception: site_failed,
        },
    )
    made.state.find = find
    return made


website: Final = site(from_gateway)
"""The site in the application, mounted by the gateway."""
