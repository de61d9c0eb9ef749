"""Search: what all paths say, found by its words."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from academy.search.contract import Found, Kind, Result
from academy.web.render import link, page
from academy.web.services import services
from freestone.errors import ServiceError

LONGEST: Final = 200
"""Characters of a search; the field takes no more."""
MOST: Final = 30
"""Results of a page."""


async def search(request: Request) -> Response:
    """Show what is found. If search is away the page is served all the same, and says so."""
    text = request.query_params.get("q", "").strip()[:LONGEST]
    path = request.query_params.get("path") or None
    found, away = Found(), False
    if text:
        try:
            found = await services(request).search.search(_sendable(text), path, MOST)
        except ServiceError:
            away = True
    response = page(
        request,
        "search.html",
        503 if away else 200,
        text=text,
        path=path,
        found=found,
        hits=[(result, _address(request, result)) for result in found.results],
        places={result.path: result.path_title for result in found.results},
        away=away,
    )
    if away:
        response.headers["retry-after"] = "5"
    return response


def _address(request: Request, result: Result) -> str:
    if result.kind is Kind.RESOURCE:
        return link(request, "lesson", path=result.path, resource=result.resource)
    whole = link(request, "path", path=result.path)
    return whole if result.kind is Kind.PATH else f"{whole}#phase-{result.phase}"


def _sendable(text: str) -> str:
    """Return a text without what has no encoding; browsers may be made to send anything."""
    return text.encode(errors="replace").decode()
