"""One path: what it teaches, how far the learner is, what is next."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from academy.progress.contract import NotEnrolled, Standing
from academy.web.form import form
from academy.web.notices import NOTICES, redirect
from academy.web.outline import Outline, outline, upcoming
from academy.web.render import link, page, partial
from academy.web.services import services
from academy.web.visitor import Visitor, visitor_of
from freestone.errors import ServiceError


async def path(request: Request) -> Response:
    """Show a path."""
    visitor = visitor_of(request)
    found, stale = await outlined(request, visitor, request.path_params["path"])
    step = found.current
    return page(
        request,
        "path.html",
        outline=found,
        standing=found.standing,
        upcoming=step.resource if step else None,
        stale=stale,
    )


async def outlined(request: Request, visitor: Visitor, slug: str) -> tuple[Outline, bool]:
    """Return a path for a visitor, and whether their progress in it could not be had. Raises NotFound."""
    found = services(request)
    taught = await found.catalog.path(slug)
    standing: Standing | None = None
    if visitor.learner is not None:
        try:
            standing = await found.progress.standing(visitor.learner.id, slug)
        except NotEnrolled:
            pass
        except ServiceError:
            return outline(taught), True
    return outline(taught, standing), visitor.trouble is not None


async def enrol(request: Request) -> Response:
    """Enrol the learner in the path."""
    learner = visitor_of(request).require()
    slug = request.path_params["path"]
    await services(request).progress.enrol(learner.id, slug)
    return redirect(link(request, "path", path=slug), "enrolled")


async def tick(request: Request) -> Response:
    """Tick a box of the checklist, or take the tick back: the form says which."""
    learner = visitor_of(request).require()
    slug, item = request.path_params["path"], request.path_params["item"]
    progress = services(request).progress
    wanted = (await form(request)).get("ticked") == "yes"
    change = progress.tick if wanted else progress.untick
    standing = await change(learner.id, slug, item)
    said: Literal["finished", "ticked", "unticked"] = (
        "finished" if standing.finished and wanted else "ticked" if wanted else "unticked"
    )
    if not partial(request):
        return redirect(link(request, "path", path=slug) + "#checklist", said)
    return page(
        request,
        "parts/checklist.html",
        standing=standing,
        upcoming=upcoming(standing),
        said=NOTICES[said],
        swapped=True,
    )
