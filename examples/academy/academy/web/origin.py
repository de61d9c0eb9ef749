"""Refuses commands that another site makes a browser send (cross-site request forgery).

A browser says in ``Sec-Fetch-Site``, or at least in ``Origin``, where a form comes from; no page can forge either.
That needs no token in each form and no state, and covers sign-in as well, where there is no session yet to tie a
token to. ``Sec-Fetch-Site`` is asked first: it stays right behind a proxy that changes the host.
See https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site and RFC 6454, section 7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def same_origin(headers: Headers) -> bool:
    """Whether a request comes from a page of this site, as far as its headers tell.

    A request with neither header is refused: every browser sends one of them with a form.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    host = headers.get("host")
    # The scheme is not compared: behind a proxy that ends TLS, only the browser knows it.
    return bool(host) and origin in {f"http://{host}", f"https://{host}"}


@final
class SameOrigin:
    """Lets commands through only from the site's own pages; answers others with ``refuse``.

    Below the address ``but`` they may come from anywhere: they say by a secret of their own that they are meant.
    """

    def __init__(self, app: ASGIApp, refuse: Callable[[Request], Response], but: str) -> None:
        self._app = app
        self._refuse = refuse
        self._but = but

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE and not self._allows(scope):
            await self._refuse(Request(scope))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _allows(self, scope: Scope) -> bool:
        path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
        return path.startswith(self._but) or same_origin(Headers(scope=scope))
