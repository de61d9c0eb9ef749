"""Freestone: an application as small services, run as one process or cut along its contracts into many.

What is named here is public. Contracts are made of ``Contract``, ``Message``, ``query`` and ``command``; services of
``service`` and their dependencies; ``errors`` has the error tree. The gateway is in ``freestone.gateway``, the
testing kit in ``freestone.testing``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import errors
from .clock import Clock, Ids, Random
from .contract import Contract, Event, Message, command, query, upcast
from .errors import DidNotHappen, MayHaveHappened, ServiceError
from .lazy import lazily
from .service import (
    Context,
    ContextField,
    Identity,
    Secret,
    Settings,
    acting_as,
    current,
    deadline,
    fallback,
    keyed,
    received,
    service,
)

if TYPE_CHECKING:
    from .app import connect, local
    from .call import gather, gather_all, invalidate, settle
    from .data import Database
    from .events import Publisher, subscribe
    from .lease import Lease, Leases
    from .schedule import cron, every

__all__ = [
    "Clock",
    "Context",
    "ContextField",
    "Contract",
    "Database",
    "DidNotHappen",
    "Event",
    "Identity",
    "Ids",
    "Lease",
    "Leases",
    "MayHaveHappened",
    "Message",
    "Publisher",
    "Random",
    "Secret",
    "ServiceError",
    "Settings",
    "acting_as",
    "command",
    "connect",
    "cron",
    "current",
    "deadline",
    "errors",
    "every",
    "fallback",
    "gather",
    "gather_all",
    "invalidate",
    "keyed",
    "local",
    "query",
    "received",
    "service",
    "settle",
    "subscribe",
    "upcast",
]

__version__ = "0.1.0"

__getattr__ = lazily(
    __name__,
    {
        "app": ("connect", "local"),
        "call": ("gather", "gather_all", "invalidate", "settle"),
        "data": ("Database",),
        "events": ("Publisher", "subscribe"),
        "lease": ("Lease", "Leases"),
        "schedule": ("cron", "every"),
    },
)
"""What is imported at its first use: a contract needs no database, and a command's help no connections."""


def __dir__() -> list[str]:
    return __all__
