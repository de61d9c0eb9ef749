"""The typed clients of a mounted application, found through the request that it serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from starlette.requests import HTTPConnection

C = TypeVar("C")

STATE_KEY = "freestone.clients"
"""Where an ASGI scope's ``state`` has them, by contract."""


def client(request: HTTPConnection | Mapping[str, Any], contract: type[C]) -> C:
    """Return the client for a contract that the application's ``mount`` names in ``needs``.

    ``request`` is a Starlette request or WebSocket, or a bare ASGI scope (that of the lifespan too). Raises
    LookupError when the mount does not name the contract, or when the application is not served by a gateway.

    >>> async def page(request):
    ...     path = await client(request, Catalog).path(request.path_params["path"])
    """
    scope: Mapping[str, Any] = request.scope if isinstance(request, HTTPConnection) else request
    clients: Mapping[type[Any], Any] | None = scope.get("state", {}).get(STATE_KEY)
    if clients is None:
        raise LookupError(
            f"there is no client for {contract.__name__}: the application is not mounted in a gateway; "
            f"serve it through Gateway(mount(…, needs=({contract.__name__},)))"
        )
    if contract not in clients:
        named = ", ".join(other.__name__ for other in clients) or "nothing"
        raise LookupError(
            f"the mounted application may not call {contract.__name__}: its mount names {named}; "
            f"add {contract.__name__} to its needs=(…)"
        )
    return cast(C, clients[contract])
