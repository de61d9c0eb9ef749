"""The list of paths: where everybody arrives."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from academy.web.render import page
from academy.web.services import services
from academy.web.visitor import visitor_of
from freestone.errors import ServiceError


async def paths(request: Request) -> Response:
    """Show every path, with progress for a learner."""
    visitor = visitor_of(request)
    found = services(request)
    summaries = await found.catalog.paths()
    enrolments, stale = {}, False
    if visitor.learner is not None:
        try:
            own = await found.progress.enrolments(visitor.learner.id)
            enrolments = {enrolment.path: enrolment for enrolment in own}
        except ServiceError:
            # The paths are worth showing without it.
            stale = True
    return page(request, "paths.html", summaries=summaries, enrolments=enrolments, stale=stale)
