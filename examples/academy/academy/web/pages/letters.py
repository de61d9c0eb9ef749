"""Letters: what they are while none is sent, and how they are turned off."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from academy.notifications.contract import SentByMail
from academy.web.render import page
from academy.web.services import services
from academy.web.visitor import visitor_of

OFF: Final = "/letters/off/"
"""Below it are the addresses that letters have, each with a token. Mail programs post there (RFC 8058)."""


async def kept(request: Request) -> Response:
    """Show the learner's letters, where there is no mail server to send them by; elsewhere there is no such page."""
    learner = visitor_of(request).require()
    try:
        found = await services(request).letters.kept(learner.id)
    except SentByMail:
        raise HTTPException(404) from None
    return page(request, "letters.html", letters=found, learner=learner)


async def off(request: Request) -> Response:
    """Turn letters off for whoever has the link. To open it only asks: programs that look for viruses open links."""
    done = request.method == "POST"
    if done:
        await services(request).letters.unsubscribe(request.path_params["token"])
    return page(request, "letters_off.html", done=done)
