"""The outside comes in: HTTP routes to operations, and ASGI applications beside them."""

from .clients import client
from .gateway import Gateway
from .lifespan import LifespanFailed
from .routes import Authenticate, Mount, Route, delete, get, mount, patch, post, put

__all__ = [
    "Authenticate",
    "Gateway",
    "LifespanFailed",
    "Mount",
    "Route",
    "client",
    "delete",
    "get",
    "mount",
    "patch",
    "post",
    "put",
]
