"""Light or dark: as the system has it, unless the visitor chose.

The choice is in a cookie and not in the browser's storage, so that the first byte of a page is right already, and
the switch works without scripts.
"""

from __future__ import annotations

from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response

COOKIE: Final = "academy_theme"
YEAR: Final = 365 * 24 * 3600

Theme = Literal["auto", "light", "dark"]


def theme_of(request: Request) -> Theme:
    """Return what the visitor chose, or "auto"."""
    return _theme(request.cookies.get(COOKIE, ""))


def keep(response: Response, choice: str) -> None:
    """Have the browser keep the choice. A script may set it as well, so the cookie is not HttpOnly."""
    response.set_cookie(COOKIE, _theme(choice), max_age=YEAR, samesite="lax")


def _theme(name: str) -> Theme:
    if name == "light":
        return "light"
    if name == "dark":
        return "dark"
    return "auto"
