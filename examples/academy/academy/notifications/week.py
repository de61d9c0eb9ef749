"""When the weekly letters are due: no I/O, no clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

LATE: Final = timedelta(days=1)
"""How late a weekly letter may come, as after an outage; later it waits for the next week."""
APART: Final = timedelta(days=6)
"""What is at least between two reminders to one learner, also when the weekday was changed in between."""


def due(now: datetime, weekday: int, moment: time, zone: ZoneInfo) -> datetime | None:
    """Return since when this week's letters are due; None if they are not, or it is too late for them.

    ``weekday`` is 0 for Monday. A time that a clock skips in that night, as when summer begins, is the one
    after the gap; of a time that it has twice, it is the first.

    >>> due(datetime(2026, 11, 23, 9, 5, tzinfo=UTC), 0, time(9), ZoneInfo("UTC"))
    datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.timezone.utc)
    >>> due(datetime(2026, 11, 25, 9, 5, tzinfo=UTC), 0, time(9), ZoneInfo("UTC"))
    """
    today = now.astimezone(zone).date()
    for back in range(8):
        day = today - timedelta(days=back)
        if day.weekday() == weekday:
            # By way of UTC, in which there are no gaps.
            at = datetime.combine(day, moment.replace(tzinfo=None), zone).astimezone(UTC)
            if at <= now:
                return at if now - at <= LATE else None
    return None


def may_remind(now: datetime, since: datetime, last: datetime | None) -> bool:
    """Whether somebody who was last reminded then may be reminded, with letters being due since that moment."""
    return last is None or (last < since and now - last >= APART)
