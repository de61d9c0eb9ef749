"""My learning: the paths that a learner is enrolled in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from academy.web.render import page
from academy.web.services import services
from academy.web.visitor import visitor_of


async def learning(request: Request) -> Response:
    """Show the learner's paths."""
    learner = visitor_of(request).require()
    enrolments = await services(request).progress.enrolments(learner.id)
    return page(request, "learning.html", enrolments=enrolments, learner=learner)
