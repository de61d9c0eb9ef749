"""Templates to responses."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from . import notices
from .article import article, safe
from .theme import theme_of
from .visitor import forget, visitor_of
from .wall import wall

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a whole page, or a fragment of one, for whoever ``visit`` found."""
    visitor = visitor_of(request)
    told = None if partial(request) else notices.notice(request)
    response = HTMLResponse(
        _ENVIRONMENT.get_template(template).render(
            request=request,
            visitor=visitor,
            theme=theme_of(request),
            notice=told,
            here=here(request),
            link=lambda name, **parameters: link(request, name, **parameters),
            lesson_address=lambda resource: link(
                request, "lesson", path=request.path_params["path"], resource=resource
            ),
            asset=lambda name, version=None: _root(request) + _asset(name, version),
            **values,
        ),
        status_code=status,
    )
    if told:
        response.delete_cookie(notices.COOKIE, httponly=True, samesite="lax")
    if visitor.expired:
        forget(request, response)
    return response


def partial(request: Request) -> bool:
    """Whether htmx asks, and wants only what changed."""
    return request.headers.get("hx-request") == "true"


def link(request: Request, name: str, **parameters: str) -> str:
    """Return the address of a page by its name, within the host that was asked."""
    return _root(request) + str(request.app.url_path_for(name, **parameters))


def here(request: Request) -> str:
    """Return the address that was asked for, without its host."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}"


def duration(minutes: int) -> str:
    """Return a time as people say it, in one piece: no line may break within it.

    >>> duration(285).replace("\N{NO-BREAK SPACE}", " ")
    '4 h 45 min'
    """
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours}\N{NO-BREAK SPACE}h"] if hours else []
    if rest or not hours:
        parts.append(f"{rest}\N{NO-BREAK SPACE}min")
    return "\N{NO-BREAK SPACE}".join(parts)


def date(moment: datetime) -> str:
    """Return a day as people write it.

    >>> date(datetime(2026, 3, 7))
    '7 March 2026'
    """
    return f"{moment.day} {moment:%B %Y}"


def count(number: int, noun: str) -> str:
    """Return a number of things.

    >>> count(1, "phase"), count(3, "phase")
    ('1 phase', '3 phases')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


@cache
def _asset(name: str, version: str | None) -> str:
    """Return the address of a static file. It changes with the file, so that browsers may keep it for good."""
    version = version or hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={version}"


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Any] = {"duration": duration, "count": count, "safe_url": safe, "date": date}
    environment.filters.update(filters)
    environment.globals.update(article=article, wall=wall)
    return environment


_ENVIRONMENT: Final = _environment()
