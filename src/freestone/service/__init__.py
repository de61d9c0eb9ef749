"""One service alone: what it is made of, and what it knows while it serves a call."""

from freestone.contract import seconds, shown

from .context import CURRENT, Context, Enlisted, Identity, acting_as, current, deadline
from .order import order
from .secret import Secret
from .service import dependencies, service
from .settings import Given, Misfit, Settings, misfits, settings_from
from .spelling import meant

__all__ = [
    "CURRENT",
    "Context",
    "Enlisted",
    "Given",
    "Identity",
    "Misfit",
    "Secret",
    "Settings",
    "acting_as",
    "current",
    "deadline",
    "dependencies",
    "meant",
    "misfits",
    "order",
    "seconds",
    "service",
    "settings_from",
    "shown",
]
