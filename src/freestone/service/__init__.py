"""One service alone: what it is made of, and what it knows while it serves a call."""

from .context import CURRENT, Context, Enlisted, Identity, acting_as, current, deadline
from .order import order
from .secret import Secret
from .service import dependencies, service
from .settings import Settings, settings_from

__all__ = [
    "CURRENT",
    "Context",
    "Enlisted",
    "Identity",
    "Secret",
    "Settings",
    "acting_as",
    "current",
    "deadline",
    "dependencies",
    "order",
    "service",
    "settings_from",
]
