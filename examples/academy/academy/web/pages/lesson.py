"""One resource of a path, with its article."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from academy.progress.contract import Standing
from academy.web.notices import NOTICES, redirect
from academy.web.outline import outline
from academy.web.render import link, page, partial
from academy.web.services import services
from academy.web.visitor import visitor_of
from freestone.errors import NotFound, ServiceError

from .path import outlined


async def lesson(request: Request) -> Response:
    """Show a resource: its article, or why it is locked."""
    visitor = visitor_of(request)
    slug, resource = request.path_params["path"], request.path_params["resource"]
    found = await services(request).catalog.resource(slug, resource)
    whole, stale = await outlined(request, visitor, slug)
    step = whole.step(resource)
    if step is None:
        # The path was replaced between the two questions.
        raise NotFound(f"{slug} has no resource {resource}")
    steps = whole.steps
    index = steps.index(step)
    return page(
        request,
        "lesson.html",
        lesson=found,
        outline=whole,
        step=step,
        position=index + 1,
        before=steps[index - 1] if index else None,
        after=steps[index + 1] if index + 1 < len(steps) else None,
        stale=stale,
    )


async def complete(request: Request) -> Response:
    """Mark the resource as done."""
    learner = visitor_of(request).require()
    slug, resource = request.path_params["path"], request.path_params["resource"]
    standing = await services(request).progress.complete(learner.id, slug, resource)
    return await _changed(request, standing, "finished" if standing.finished else "done")


async def undo(request: Request) -> Response:
    """Take back that the resource is done."""
    learner = visitor_of(request).require()
    slug, resource = request.path_params["path"], request.path_params["resource"]
    standing = await services(request).progress.undo(learner.id, slug, resource)
    return await _changed(request, standing, "undone")


async def _changed(request: Request, standing: Standing, said: Literal["finished", "done", "undone"]) -> Response:
    slug, resource = request.path_params["path"], request.path_params["resource"]
    if not partial(request):
        return redirect(link(request, "lesson", path=slug, resource=resource) + "#completion", said)
    try:
        taught = await services(request).catalog.path(slug)
    except ServiceError:
        # It is done all the same, and an error would say otherwise; the whole page will tell.
        return Response(headers={"hx-refresh": "true"})
    whole = outline(taught, standing)
    return page(
        request, "parts/completion.html", outline=whole, step=whole.step(resource), said=NOTICES[said], swapped=True
    )
