"""Who is looking at a page, by the session in a cookie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from academy.identity.contract import Learner, Session
from freestone.errors import ServiceError, Unauthenticated, Unavailable

from .services import services

COOKIE: Final = "academy_session"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who looks at a page."""

    learner: Learner | None = None
    """Who it is; None for somebody who is not signed in."""
    expired: bool = False
    """Whether a session was presented that has ended."""
    trouble: ServiceError | None = None
    """Why it could not be found out who it is."""

    def require(self) -> Learner:
        """Return the learner. Raises Unauthenticated, or Unavailable if it could not be found out who it is."""
        if self.trouble is not None:
            # Even if that query may have happened, what the learner wanted has not been begun.
            raise Unavailable("who is asking could not be found out") from self.trouble
        if self.learner is None:
            raise Unauthenticated("this page is for learners who are signed in")
        return self.learner


NOBODY: Final = Visitor()


async def visit(request: Request) -> Visitor:
    """Find out who sends the request, once; ``visitor_of`` tells it again.

    A public page can be shown while identity is away, so that failure is kept for ``require`` to raise.
    """
    token = request.cookies.get(COOKIE)
    visitor = NOBODY
    if token:
        try:
            visitor = Visitor(await services(request).learners.session(token))
        except Unauthenticated:
            visitor = Visitor(expired=True)
        except ServiceError as error:
            visitor = Visitor(trouble=error)
    request.state.visitor = visitor
    return visitor


def visitor_of(request: Request) -> Visitor:
    """Return who ``visit`` found, or nobody if it has not looked yet."""
    return getattr(request.state, "visitor", NOBODY)


def remember(request: Request, response: Response, session: Session) -> None:
    """Have the browser keep the session, out of reach of scripts and of other sites."""
    response.set_cookie(
        COOKIE,
        session.token,
        expires=session.expires_at,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def forget(request: Request, response: Response) -> None:
    """Have the browser drop the session."""
    response.delete_cookie(COOKIE, secure=request.url.scheme == "https", httponly=True, samesite="lax")
