"""The page that says what the outside may call."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

from .asgi import Edge
from .body import DEFAULT_LIMIT
from .declaration import declare
from .endpoint import Manners
from .problems import DEFAULT_BASE
from .routes import Mount, Route

if TYPE_CHECKING:
    from .serve import HttpServer

DEFAULT_DEADLINE = 10.0
"""Seconds that a request may take, unless the host or the route says otherwise."""


@final
class Gateway:
    """Routes to operations, and mounted ASGI applications.

    Args:
        lines: What ``get``, ``post``, ``put``, ``patch``, ``delete`` and ``mount`` return.
        problems_base: What the ``type`` of each problem begins with, as ``https://example.org/problems/``.
        body_limit: The size of the largest JSON body that a route reads, in bytes.
        challenge: What ``WWW-Authenticate`` says beside a 401 (RFC 9110, section 11.6.1).

    Raises DeclarationError with every mistake in the lines.

    >>> gateway = Gateway(
    ...     get("/paths/{path}", Catalog.path),
    ...     post("/paths/{path}/resources/{resource}/done", Progress.complete, auth=learner, subject="learner"),
    ...     mount("/", website, needs=(Catalog,)),
    ... )
    """

    def __init__(
        self,
        *lines: Route | Mount,
        problems_base: str = DEFAULT_BASE,
        body_limit: int = DEFAULT_LIMIT,
        challenge: str = "Bearer",
    ) -> None:
        self._declared = declare(lines)
        self._manners = Manners(problems_base, body_limit, challenge)

    @property
    def needs(self) -> tuple[type[Any], ...]:
        """The contracts that it must be given clients for."""
        return self._declared.needs

    def asgi(self, clients: Mapping[type[Any], Any], deadline: float = DEFAULT_DEADLINE) -> Edge:
        """Return an ASGI application that makes its calls through the clients.

        Args:
            clients: A client, or a service, for each contract of ``needs``.
            deadline: Seconds that a request may take; ``math.inf`` for no limit.

        Raises LookupError when a client is missing.
        """
        return Edge(self._declared, clients, self._manners, deadline)

    async def open(self, clients: Mapping[type[Any], Any], sock: socket.socket, deadline: float) -> HttpServer:
        """Serve HTTP on a bound socket, which belongs to the server from now on.

        The arguments are as in ``asgi``. Raises LookupError, and LifespanFailed when a mounted application does not
        start.
        """
        # Who only reads an application, as a plan or a check does, need not wait for a web server to be imported.
        from .serve import HttpServer

        return await HttpServer.open(self.asgi(clients, deadline), sock)
