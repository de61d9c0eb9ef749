"""What the outside may call: routes to operations, and other ASGI applications beside them.

These are the lines of an application's gateway as they are written, unchecked; ``binding`` says what is wrong with
them, all at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, final

from starlette.requests import Request
from starlette.types import ASGIApp

from freestone.service import Identity

Authenticate: TypeAlias = Callable[[Request], Awaitable[Identity]]
"""Tells who sends a request, or raises Unauthenticated or PermissionDenied."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One method and path, and the operation that answers. Made by ``get``, ``post`` and their like."""

    method: str
    path: str
    target: Callable[..., Any]
    status: int
    auth: Authenticate | None
    subject: str | None
    body: str | None
    deadline: float | None
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Mount:
    """An ASGI application below a path. Made by ``mount``."""

    path: str
    app: ASGIApp
    needs: tuple[type[Any], ...]
    file: str
    line: int

    def __str__(self) -> str:
        return f"mount {self.path}"


def get(
    path: str,
    target: Callable[..., Any],
    *,
    status: int = 200,
    auth: Authenticate | None = None,
    subject: str | None = None,
    deadline: float | None = None,
) -> Route:
    """Answer GET (and HEAD) with a query; parameters that are not in the path come from the query string.

    Args:
        path: As ``/paths/{path}``; what is in braces names a parameter of the operation.
        target: The contract's method, as ``Catalog.path``.
        status: The status of an answer.
        auth: Tells who asks; calls are made on behalf of the identity that it returns.
        subject: The parameter that is given the identity's subject; the client can't send it then.
        deadline: Seconds that the request may take; else the host's. ``math.inf`` suits an endless stream.
    """
    return _route("GET", path, target, status, auth, subject, None, deadline)


def post(
    path: str,
    target: Callable[..., Any],
    *,
    status: int = 200,
    auth: Authenticate | None = None,
    subject: str | None = None,
    body: str | None = None,
    deadline: float | None = None,
) -> Route:
    """Answer POST with a command, or with a query whose arguments need a body.

    The body is a JSON object of the parameters that are in neither the path nor the query string; with
    ``body="outline"`` it is the parameter ``outline`` itself. The rest is as in ``get``.
    """
    return _route("POST", path, target, status, auth, subject, body, deadline)


def put(
    path: str,
    target: Callable[..., Any],
    *,
    status: int = 200,
    auth: Authenticate | None = None,
    subject: str | None = None,
    body: str | None = None,
    deadline: float | None = None,
) -> Route:
    """Answer PUT with a command. The arguments are as in ``post``."""
    return _route("PUT", path, target, status, auth, subject, body, deadline)


def patch(
    path: str,
    target: Callable[..., Any],
    *,
    status: int = 200,
    auth: Authenticate | None = None,
    subject: str | None = None,
    body: str | None = None,
    deadline: float | None = None,
) -> Route:
    """Answer PATCH with a command. The arguments are as in ``post``."""
    return _route("PATCH", path, target, status, auth, subject, body, deadline)


def delete(
    path: str,
    target: Callable[..., Any],
    *,
    status: int = 200,
    auth: Authenticate | None = None,
    subject: str | None = None,
    deadline: float | None = None,
) -> Route:
    """Answer DELETE with a command. It has no body; the arguments are as in ``get``."""
    return _route("DELETE", path, target, status, auth, subject, None, deadline)


def mount(path: str, app: ASGIApp, *, needs: tuple[type[Any], ...] = ()) -> Mount:
    """Serve an ASGI application below a path; it is given clients for the contracts that it needs.

    A request that some route answers does not come here, whatever the path of the mount. Of several mounts the one
    with the longest path answers.
    """
    file, line = _caller()
    return Mount(path, app, needs, file, line)


def _route(
    method: str,
    path: str,
    target: Callable[..., Any],
    status: int,
    auth: Authenticate | None,
    subject: str | None,
    body: str | None,
    deadline: float | None,
) -> Route:
    file, line = _caller()
    return Route(method, path, target, status, auth, subject, body, deadline, file, line)


def _caller() -> tuple[str, int]:
    """Return the file and the line from which this module was entered."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
