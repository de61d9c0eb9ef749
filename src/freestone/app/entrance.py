"""The seam between a host and what lets the outside in: the gateway, which this room does not import."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any, Protocol


class Opened(Protocol):
    """An entrance that is open."""

    address: str
    """Where it is reached, as ``http://127.0.0.1:8000``."""

    async def close(self, seconds: float) -> None:
        """Accept nothing more, and let what is under way finish, for that many seconds at most."""
        ...


class Entrance(Protocol):
    """Something that serves the outside on a socket, and calls services for it."""

    @property
    def needs(self) -> tuple[type[Any], ...]:
        """The contracts that it calls."""
        ...

    async def open(self, clients: Mapping[type[Any], Any], sock: socket.socket, deadline: float) -> Opened:
        """Serve on the listening socket, with a client for each contract it needs, ``deadline`` seconds a request."""
        ...
