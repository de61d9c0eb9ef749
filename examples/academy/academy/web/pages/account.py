"""Sign up, sign in, sign out."""

from __future__ import annotations

import math
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from academy.identity.contract import NameTaken, WrongCredentials
from academy.web.form import form, local
from academy.web.notices import redirect
from academy.web.render import link, page
from academy.web.services import services
from academy.web.visitor import COOKIE, forget, remember, visitor_of
from freestone.errors import InvalidArgument, ResourceExhausted


async def sign_up(request: Request) -> Response:
    """Show the form, or make a learner from it."""
    if request.method != "POST":
        return await _blank(request, "sign_up")
    fields = await form(request)
    name, password = fields.get("name", ""), fields.get("password", "")
    try:
        session = await services(request).learners.sign_up(name, password)
    except NameTaken:
        taken = f"“{name.strip()}” is taken. Choose another name, or sign in if it is yours."
        return _again(request, "sign_up", fields, {"name": taken}, 409)
    except InvalidArgument as error:
        return _again(request, "sign_up", fields, {error.field: _sentence(error.message)}, 422)
    response = redirect(_wanted(request, fields), "signed-up")
    remember(request, response, session)
    return response


async def sign_in(request: Request) -> Response:
    """Show the form, or start a session from it."""
    if request.method != "POST":
        return await _blank(request, "sign_in")
    fields = await form(request)
    try:
        session = await services(request).learners.sign_in(fields.get("name", ""), fields.get("password", ""))
    except WrongCredentials:
        wrong = "The name or the password is wrong."
        return _again(request, "sign_in", fields, {"": wrong}, 401)
    except InvalidArgument as error:
        return _again(request, "sign_in", fields, {error.field: _sentence(error.message)}, 422)
    except ResourceExhausted as error:
        wait = math.ceil(error.retry_after or 60)
        response = _again(request, "sign_in", fields, {"": f"Too many attempts. Try again in {wait} seconds."}, 429)
        response.headers["retry-after"] = str(wait)
        return response
    response = redirect(_wanted(request, fields), "signed-in")
    remember(request, response, session)
    return response


async def sign_out(request: Request) -> Response:
    """End the session, here and in the service."""
    token = request.cookies.get(COOKIE)
    if token:
        await services(request).learners.sign_out(token)
    response = redirect(link(request, "paths"), "signed-out")
    forget(request, response)
    return response


async def _blank(request: Request, name: str) -> Response:
    visitor = visitor_of(request)
    wanted = local(request.query_params.get("next", ""))
    if visitor.learner is not None:
        return redirect(wanted or link(request, "learning"))
    return page(request, f"{name}.html", mistakes={}, name="", wanted=wanted)


def _again(
    request: Request, name: str, fields: Mapping[str, str], mistakes: Mapping[str, str], status: int
) -> Response:
    known = {field if field in {"name", "password"} else "": text for field, text in mistakes.items()}
    return page(
        request,
        f"{name}.html",
        status,
        mistakes=known,
        name=fields.get("name", ""),
        wanted=local(fields.get("next", "")),
    )


def _wanted(request: Request, fields: Mapping[str, str]) -> str:
    return local(fields.get("next", "")) or link(request, "learning")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
