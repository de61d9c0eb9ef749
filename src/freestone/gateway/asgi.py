"""The gateway as an ASGI application, for uvicorn, for a test client, or inside of another application."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, final

from starlette.types import Receive, Scope, Send

from .clients import STATE_KEY
from .declaration import Bound, Declared
from .endpoint import Endpoint, Manners
from .incoming import traced
from .lifespan import Lifespan, LifespanFailed
from .pattern import path_segments
from .problems import METHOD_NOT_ALLOWED, NO_SUCH_ROUTE, Refused
from .respond import send_problem
from .routes import Mount
from .table import Found, NotAllowed

_log = logging.getLogger("freestone.gateway")

_POLICY_VIOLATION = 1008
"""A close code of WebSocket (RFC 6455, section 7.4.1)."""


@final
class Edge:
    """An ASGI application that answers a gateway's routes and hands the rest to what is mounted.

    A route comes first, however its path is written; then the mount with the longest path. So one route of a mounted
    application can be replaced without touching it.
    """

    def __init__(self, declared: Declared, clients: Mapping[type[Any], Any], manners: Manners, seconds: float) -> None:
        missing = [contract.__name__ for contract in declared.needs if contract not in clients]
        if missing:
            raise LookupError(f"the gateway needs clients for {', '.join(missing)}, and was given none")
        self._table = declared.table
        self._endpoints = {
            bound: Endpoint(bound, clients[bound.binding.operation.contract], manners, seconds)
            for bound in declared.table.routes
        }
        self._mounts = tuple(_Mounted(mount, clients) for mount in declared.mounts)
        # For the routes' ``auth``, which may have to ask a service who it is.
        self._state = {STATE_KEY: {contract: clients[contract] for contract in declared.needs}}
        self._manners = manners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, one WebSocket or the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        with traced(scope):
            if scope["type"] == "websocket":
                await self._websocket(scope, receive, send)
            else:
                await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            found = self._find(scope["method"], path_segments(scope))
            if isinstance(found, Found):
                state = {**scope.get("state", {}), **self._state}
                await self._endpoints[found.route](found.values, {**scope, "state": state}, receive, send)
                return
            if not await self._pass_on(scope, receive, send):
                raise _refused(found, scope)
        except Refused as refused:
            await send_problem(send, scope, refused.problem(self._manners.problems_base))

    def _find(self, method: str, segments: tuple[str, ...]) -> Found[Bound] | NotAllowed | None:
        found = self._table.find(method, segments)
        if method == "HEAD" and not isinstance(found, Found):
            as_get = self._table.find("GET", segments)
            # A stream may never end, and to open one for its headers alone would be a waste.
            if isinstance(as_get, Found) and not as_get.route.binding.operation.streams:
                return as_get
        return found

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Let the mounted application answer whose path it is; False if there is none."""
        for mounted in self._mounts:
            below = mounted.scope(scope)
            if below is not None:
                await mounted.mount.app(below, receive, send)
                return True
        return False

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not await self._pass_on(scope, receive, send):
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})

    async def start(self) -> None:
        """Start the mounted applications, in order of their paths. Raises LifespanFailed; then none is left running."""
        started: list[_Mounted] = []
        try:
            for mounted in self._mounts:
                await mounted.lifespan.start()
                started.append(mounted)
        except BaseException:
            await _stop(started)
            raise

    async def stop(self) -> None:
        """Stop the mounted applications. One that fails is logged, and the others are stopped all the same."""
        await _stop(list(self._mounts))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except LifespanFailed as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def _refused(found: NotAllowed | None, scope: Scope) -> Refused:
    if found is None:
        return Refused(NO_SUCH_ROUTE, f"there is nothing at {scope['path']}")
    methods = ", ".join(found.methods)
    what = f"{scope['path']} has {methods}, not {scope['method']}"
    return Refused(METHOD_NOT_ALLOWED, what, headers={"allow": methods})


async def _stop(mounted: list[_Mounted]) -> None:
    for one in reversed(mounted):
        try:
            await one.lifespan.stop()
        except LifespanFailed as error:
            _log.error("%s", error)


@final
class _Mounted:
    """A mounted application with its clients and its lifespan."""

    __slots__ = ("_path", "lifespan", "mount")

    def __init__(self, mount: Mount, clients: Mapping[type[Any], Any]) -> None:
        self.mount = mount
        self._path = mount.path.rstrip("/")
        given = {contract: clients[contract] for contract in mount.needs}
        self.lifespan = Lifespan(mount.app, f"the application at {mount.path}", {STATE_KEY: given})

    def scope(self, scope: Scope) -> Scope | None:
        """Return the scope for a request below the path, None for any other."""
        root: str = scope.get("root_path", "")
        path: str = scope["path"]
        below = path[len(root) :] if path.startswith(root) else path
        if below != self._path and not below.startswith(self._path + "/"):
            return None
        state = {**scope.get("state", {}), **self.lifespan.state}
        return {**scope, "root_path": root + self._path, "state": state}
