"""Sign up, sign in, sign out; and where letters go."""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from academy.identity.contract import Learner, NameTaken, WrongCredentials
from academy.notifications.contract import SentByMail, Wishes
from academy.web.form import form, local
from academy.web.notices import redirect
from academy.web.render import link, page
from academy.web.services import services
from academy.web.visitor import COOKIE, forget, remember, visitor_of
from freestone.errors import InvalidArgument, ResourceExhausted, ServiceError


async def sign_up(request: Request) -> Response:
    """Show the form, or make a learner from it."""
    if request.method != "POST":
        return await _blank(request, "sign_up")
    fields = await form(request)
    name, password, email = fields.get("name", ""), fields.get("password", ""), fields.get("email", "")
    try:
        session = await services(request).learners.sign_up(name, password, email)
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


async def account(request: Request) -> Response:
    """Show what Academy knows of the learner, and what they may change."""
    return await _account(request, visitor_of(request).require(), {})


async def email(request: Request) -> Response:
    """Keep where letters go."""
    learner = visitor_of(request).require()
    address = (await form(request)).get("email", "")
    try:
        changed = await services(request).learners.set_email(learner.id, address)
    except InvalidArgument as error:
        return await _account(request, replace(learner, email=address), {"email": _sentence(error.message)}, 422)
    return redirect(link(request, "account"), "email" if changed.email else "no-email")


async def letters(request: Request) -> Response:
    """Turn letters on or off: the form says which."""
    learner = visitor_of(request).require()
    wanted = (await form(request)).get("letters") == "yes"
    await services(request).letters.wish(learner.id, wanted)
    return redirect(link(request, "account"), "letters-on" if wanted else "letters-off")


async def _account(request: Request, learner: Learner, mistakes: Mapping[str, str], status: int = 200) -> Response:
    box, kept = services(request).letters, False
    wishes: Wishes | None = None
    try:
        wishes = await box.wishes(learner.id)
        await box.kept(learner.id)
        kept = True
    except SentByMail:
        pass
    except ServiceError:
        wishes = None  # the address can be changed all the same
    return page(request, "account.html", status, learner=learner, wishes=wishes, kept=kept, mistakes=mistakes)


async def _blank(request: Request, name: str) -> Response:
    visitor = visitor_of(request)
    wanted = local(request.query_params.get("next", ""))
    if visitor.learner is not None:
        return redirect(wanted or link(request, "learning"))
    return page(request, f"{name}.html", mistakes={}, name="", email="", wanted=wanted)


def _again(
    request: Request, name: str, fields: Mapping[str, str], mistakes: Mapping[str, str], status: int
) -> Response:
    known = {field if field in {"name", "password", "email"} else "": text for field, text in mistakes.items()}
    return page(
        request,
        f"{name}.html",
        status,
        mistakes=known,
        name=fields.get("name", ""),
        email=fields.get("email", ""),
        wanted=local(fields.get("next", "")),
    )


def _wanted(request: Request, fields: Mapping[str, str]) -> str:
    return local(fields.get("next", "")) or link(request, "learning")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
