"""What a service does by itself when its time has come: ``@every`` and ``@cron``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .declaration import Schedule, cron, every, schedules
from .due import MISSED, Missed
from .timetable import Cron, Every, Timetable

if TYPE_CHECKING:
    from .ticker import Bound
    from .worker import Schedules

__all__ = [
    "MISSED",
    "Bound",
    "Cron",
    "Every",
    "Missed",
    "Schedule",
    "Schedules",
    "Timetable",
    "cron",
    "every",
    "schedules",
]

_LATER = {"Bound": "ticker", "Schedules": "worker"}
"""What is imported at its first use: a service is declared without SQLAlchemy."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return value
