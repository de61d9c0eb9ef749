"""What a page says about the command that led to it.

A notice outlives the redirect in a cookie that holds its name only: whoever forges one picks from this table.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

COOKIE: Final = "academy_notice"

NOTICES: Final = {
    "done": "Marked as done.",
    "undone": "No longer marked as done.",
    "ticked": "Ticked.",
    "unticked": "No longer ticked.",
    "enrolled": "You are enrolled. Enjoy the path!",
    "signed-in": "Welcome back.",
    "signed-up": "Welcome! Pick a path to begin.",
    "signed-out": "You are signed out.",
    "expired": "Your session has ended. Please sign in again.",
    "email": "Your address is saved.",
    "no-email": "Your address is forgotten.",
    "letters-on": "You will get letters.",
    "letters-off": "You will get no more letters.",
    "finished": "You have finished the path. Congratulations!",
}


def notice(request: Request) -> str | None:
    """Return what there is to say on this page, or None."""
    return NOTICES.get(request.cookies.get(COOKIE, ""))


def redirect(address: str, name: str | None = None) -> Response:
    """Send the browser to another page, which will show that notice."""
    response = RedirectResponse(address, status_code=303)
    if name is not None:
        response.set_cookie(COOKIE, name, max_age=60, httponly=True, samesite="lax")
    return response
