"""The switch between light and dark."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from academy.web.form import form, local
from academy.web.render import link
from academy.web.theme import keep


async def appearance(request: Request) -> Response:
    """Keep the visitor's choice, and go back to the page that they were on."""
    fields = await form(request)
    response = RedirectResponse(local(fields.get("next", "")) or link(request, "paths"), status_code=303)
    keep(response, fields.get("theme", ""))
    return response
