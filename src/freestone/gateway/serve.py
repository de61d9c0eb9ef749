"""The gateway on a socket: uvicorn, driven from outside.

The process belongs to the host: it has the signal handlers, the event loop and the logging, and decides when to stop.
So uvicorn's ``Server.serve``, which takes the signals, is not used, but the three steps that it consists of.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import final

import uvicorn

from .asgi import Edge

_log = logging.getLogger("freestone.gateway")

_LAST_SECONDS = 1.0
"""What requests whose connection was cut have for their cleaning up."""


@final
class HttpServer:
    """A gateway that listens. ``open`` makes it."""

    def __init__(self, edge: Edge, sock: socket.socket) -> None:
        self.address = address_of(sock)
        """Where it is: ``http://127.0.0.1:8000``, or ``unix:/run/edge.sock``."""
        self._edge = edge
        self._sock = sock
        # Everything that uvicorn would take from the environment is given; log_config=None leaves logging alone.
        config = uvicorn.Config(
            edge,
            http="httptools",
            loop="none",
            lifespan="off",
            log_config=None,
            workers=1,
            proxy_headers=False,
            forwarded_allow_ips="",
            server_header=False,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        self._ticking: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, edge: Edge, sock: socket.socket) -> HttpServer:
        """Start the mounted applications, then serve on a bound socket, which is the server's from now on.

        Raises LifespanFailed when a mounted application does not start.
        """
        server = cls(edge, sock)
        try:
            await edge.start()
            try:
                await server._server.startup([sock])
            except BaseException:
                await edge.stop()
                raise
        except BaseException:
            sock.close()
            raise
        server._ticking = asyncio.create_task(server._server.main_loop(), name="date header")
        return server

    async def close(self, seconds: float) -> None:
        """Stop: accept nothing more, let the requests in flight finish, then stop the mounted applications.

        What is not finished after that many seconds loses its connection, and is thereby cancelled.
        """
        if self._ticking is None:
            return
        ticking, self._ticking = self._ticking, None
        ticking.cancel()
        await asyncio.wait([ticking])
        for listener in self._server.servers:
            listener.close()
        for _ in range(3):
            # A connection that was accepted a moment ago is not known to uvicorn yet, and would not be asked to close.
            await asyncio.sleep(0)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._server.shutdown([self._sock])
            await self._cut()
        finally:
            await self._edge.stop()

    async def _cut(self) -> None:
        state = self._server.server_state
        for connection in list(state.connections):
            connection.transport.abort()
        if state.tasks:
            _log.warning("requests that did not finish in time and are cut off: %d", len(state.tasks))
            await asyncio.wait(list(state.tasks), timeout=_LAST_SECONDS)
        for task in list(state.tasks):  # a mounted application that does not care whether its client is gone
            task.cancel()


def address_of(sock: socket.socket) -> str:
    """Return the URL of a bound socket."""
    if sock.family == socket.AF_UNIX:
        return f"unix:{sock.getsockname()}"
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if sock.family == socket.AF_INET6 else f"http://{host}:{port}"
