"""What a service does by itself when its time has come: ``@every`` and ``@cron``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freestone.lazy import lazily

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

__getattr__ = lazily(
    __name__,
    {
        "ticker": ("Bound",),
        "worker": ("Schedules",),
    },
)
"""What is imported at its first use: a service is declared without SQLAlchemy."""
