"""What the outside may call: the web site, and the same as JSON below ``/api``.

``GET /api/paths`` needs nobody; what is about a learner needs a session, as a bearer token or in the site's cookie.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from academy.catalog.contract import Catalog
from academy.identity.contract import Learners
from academy.notifications.contract import Letters
from academy.progress.contract import Progress
from academy.search.contract import Search
from academy.web.origin import SAFE, same_origin
from academy.web.site import website
from academy.web.visitor import COOKIE
from freestone import Identity, errors
from freestone.gateway import Gateway, client, delete, get, mount, post


async def learner(request: Request) -> Identity:
    """Return who sends a request.

    Raises Unauthenticated, or PermissionDenied for what another site made a browser send.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() != "bearer":
        token = request.cookies.get(COOKIE, "")
        # A browser adds the cookie whoever wrote the page; it adds no bearer token by itself.
        if token and request.method not in SAFE and not same_origin(request.headers):
            raise errors.PermissionDenied("another site sent this; send the session as a bearer token instead")
    if not token:
        raise errors.Unauthenticated("sign in, and send the session's token")
    found = await client(request, Learners).session(token.strip())
    return Identity(found.id)


_RESOURCE: Final = "/api/paths/{path}/resources/{resource}"
_BOX: Final = "/api/paths/{path}/checklist/{item}"

gateway = Gateway(
    get("/api/paths", Catalog.paths),
    get("/api/paths/{path}", Catalog.path),
    get(_RESOURCE, Catalog.resource),
    get("/api/search", Search.search),
    post("/api/learners", Learners.sign_up, status=201),
    post("/api/sessions", Learners.sign_in, status=201),
    post("/api/sign-out", Learners.sign_out),
    get("/api/enrolments", Progress.enrolments, auth=learner, subject="learner"),
    post("/api/paths/{path}/enrolment", Progress.enrol, auth=learner, subject="learner"),
    get("/api/paths/{path}/standing", Progress.standing, auth=learner, subject="learner"),
    post(f"{_RESOURCE}/done", Progress.complete, auth=learner, subject="learner"),
    delete(f"{_RESOURCE}/done", Progress.undo, auth=learner, subject="learner"),
    post(_BOX, Progress.tick, auth=learner, subject="learner"),
    delete(_BOX, Progress.untick, auth=learner, subject="learner"),
    mount("/", website, needs=(Catalog, Progress, Learners, Search, Letters)),
)
