"""The web site, as an ASGI application."""

from __future__ import annotations

from typing import Final, final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from freestone.errors import ServiceError

from .failures import foreign, request_failed, service_failed, site_failed
from .headers import SecurityHeaders
from .origin import SameOrigin
from .pages import account, appearance, learning, lesson, path, paths
from .render import STATIC
from .services import Find, from_gateway


@final
class Assets(StaticFiles):
    """Static files; one that is asked for by its version never changes, and may be kept."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200 and scope["query_string"].startswith(b"v="):
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


ROUTES: Final = (
    Route("/", paths.paths, name="paths"),
    Route("/learning", learning.learning, name="learning"),
    Route("/paths/{path}", path.path, name="path"),
    Route("/paths/{path}/enrolment", path.enrol, name="enrol", methods=["POST"]),
    Route("/paths/{path}/checklist/{item}", path.tick, name="tick", methods=["POST"]),
    Route("/paths/{path}/resources/{resource}", lesson.lesson, name="lesson"),
    Route("/paths/{path}/resources/{resource}/done", lesson.complete, name="complete", methods=["POST"]),
    Route("/paths/{path}/resources/{resource}/undone", lesson.undo, name="undo", methods=["POST"]),
    Route("/sign-up", account.sign_up, name="sign_up", methods=["GET", "POST"]),
    Route("/sign-in", account.sign_in, name="sign_in", methods=["GET", "POST"]),
    Route("/sign-out", account.sign_out, name="sign_out", methods=["POST"]),
    Route("/appearance", appearance.appearance, name="appearance", methods=["POST"]),
    Mount("/static", Assets(directory=STATIC), name="static"),
)


def site(find: Find) -> Starlette:
    """Return the site, with its clients found by ``find``."""
    made = Starlette(
        routes=ROUTES,
        middleware=[Middleware(SecurityHeaders), Middleware(SameOrigin, refuse=foreign)],
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
