"""Which page answers which error: one table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from academy.notifications.contract import SentByMail
from academy.progress.contract import Locked, NeededByOthers, NotEnrolled, TicksItself
from freestone import errors

from .notices import redirect
from .origin import SAFE
from .render import here, link, page, partial
from .visitor import COOKIE, forget, visit


@dataclass(frozen=True, slots=True)
class Failure:
    """What to tell a person."""

    status: int
    title: str
    text: str
    retry: bool = False
    """Whether the same request may well succeed in a moment."""


FAILURES: Final[Mapping[type[errors.ServiceError], Failure]] = {
    NotEnrolled: Failure(409, "You are not enrolled yet", "Enrol in the path first; it is one click."),
    Locked: Failure(409, "Still locked", "Something else comes first."),
    NeededByOthers: Failure(409, "Something rests on this", "Undo what was built on it first."),
    TicksItself: Failure(409, "This box ticks itself", "It is ticked when its phase is complete."),
    SentByMail: Failure(404, "There is nothing here", "Letters are sent by mail."),
    errors.InvalidArgument: Failure(400, "That does not look right", "Go back, check what you typed and try again."),
    errors.KeyReused: Failure(422, "That was asked before", "Something else was asked under the same key."),
    errors.NotFound: Failure(404, "There is nothing here", "The page has moved, or never existed."),
    errors.AlreadyExists: Failure(409, "That exists already", "There is one of that name."),
    errors.PermissionDenied: Failure(403, "That is not yours to do", "Another learner may, but you may not."),
    errors.ResourceExhausted: Failure(429, "Too much at once", "Take a breath, and try again in a while.", retry=True),
    errors.FailedPrecondition: Failure(409, "Not yet", "Something else must be done first."),
    errors.Aborted: Failure(409, "Somebody else was faster", "It changed meanwhile. Try again.", retry=True),
    errors.OutOfRange: Failure(400, "That is past the end", "There is no more of it."),
    errors.Unimplemented: Failure(501, "This does not work yet", "A part of Academy is older than this page."),
    errors.Unavailable: Failure(
        503, "A part of Academy is away", "It will be back shortly. Nothing of yours is lost.", retry=True
    ),
    errors.Cancelled: Failure(503, "That was interrupted", "A part of Academy is restarting.", retry=True),
    errors.DeadlineExceeded: Failure(504, "That took too long", "No answer came in time.", retry=True),
    errors.ConnectionLost: Failure(502, "The line went dead", "A part of Academy went away mid-sentence.", retry=True),
    errors.Internal: Failure(500, "Something broke on our side", "It is written down, and will be looked at."),
    errors.Unknown: Failure(500, "Something broke on our side", "We got an answer that we don't understand."),
    errors.DataLoss: Failure(500, "Something was damaged", "Please don't change anything now; we will look at it."),
    errors.ServiceError: Failure(500, "Something broke on our side", "It is written down, and will be looked at."),
}

HTTP: Final[Mapping[int, Failure]] = {
    403: Failure(403, "That came from elsewhere", "Open the page here, and send the form again."),
    404: Failure(404, "There is nothing here", "The page has moved, or never existed."),
    405: Failure(405, "Not that way", "This address is for something else."),
    413: Failure(413, "That is too much", "The form is larger than this site takes."),
}
BAD_REQUEST: Final = Failure(400, "That can't be read", "Your browser sent something that we don't understand.")
BUG: Final = FAILURES[errors.Internal]


def failure_of(error: errors.ServiceError) -> Failure:
    """Return the entry of the error's class, or of the nearest class above it."""
    return next(FAILURES[cls] for cls in type(error).__mro__ if cls in FAILURES)


async def service_failed(request: Request, error: Exception) -> Response:
    """Answer a request in which a call failed."""
    assert isinstance(error, errors.ServiceError)
    if isinstance(error, errors.Unauthenticated):
        return _to_sign_in(request)
    failure = failure_of(error)
    response = _answer(request, failure, error)
    if isinstance(error, errors.ResourceExhausted) and error.retry_after is not None:
        response.headers["retry-after"] = str(math.ceil(error.retry_after))
    elif failure.status == 503:
        response.headers["retry-after"] = "5"
    return response


async def request_failed(request: Request, error: Exception) -> Response:
    """Answer a request that is wrong in itself."""
    assert isinstance(error, HTTPException)
    if request.method in SAFE:
        await visit(request)
    response = _answer(request, HTTP.get(error.status_code, BAD_REQUEST))
    response.status_code = error.status_code
    response.headers.update(error.headers or {})
    return response


async def site_failed(request: Request, error: Exception) -> Response:
    """Answer a request that met a bug of the site; the server logs it."""
    return _answer(request, BUG)


def foreign(request: Request) -> Response:
    """Answer a form that came from another site."""
    return _answer(request, HTTP[403])


def _answer(request: Request, failure: Failure, error: errors.ServiceError | None = None) -> Response:
    command = request.method not in SAFE
    template = "parts/alert.html" if partial(request) else "failure.html"
    response = page(
        request,
        template,
        failure.status,
        failure=failure,
        error=error,
        doubtful=command and isinstance(error, errors.MayHaveHappened),
        unchanged=command and isinstance(error, errors.DidNotHappen),
        back=_back(request) if command else here(request),
        needs=error.needs if isinstance(error, Locked) else error.by if isinstance(error, NeededByOthers) else (),
        path=request.path_params.get("path"),
    )
    if partial(request):
        response.headers["hx-retarget"] = "#alert"
        response.headers["hx-reswap"] = "innerHTML"
    return response


def _back(request: Request) -> str:
    """The page that the form was on."""
    parameters = request.path_params
    if "resource" in parameters:
        return link(request, "lesson", path=parameters["path"], resource=parameters["resource"])
    if "path" in parameters:
        return link(request, "path", path=parameters["path"])
    own = request.url.path
    return own if own in {link(request, "sign_in"), link(request, "sign_up")} else link(request, "paths")


def _to_sign_in(request: Request) -> Response:
    wanted = _back(request) if request.method not in SAFE else here(request)
    address = f"{link(request, 'sign_in')}?{urlencode({'next': wanted})}"
    expired = COOKIE in request.cookies
    response = redirect(address, "expired" if expired else None)
    forget(request, response)
    if partial(request):
        # htmx follows a redirect by itself and would swap a whole page into a fragment's place.
        response.status_code = 200
        response.headers["hx-redirect"] = address
        del response.headers["location"]
    return response
