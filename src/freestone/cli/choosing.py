"""Which events a command line means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from freestone.clock import SystemClock
from freestone.service import seconds

from .failure import UsageMistake

if TYPE_CHECKING:
    from freestone.events import Choice


def chosen(
    ids: Sequence[str] | None = None,
    subscription: str | None = None,
    kind: str | None = None,
    key: str | None = None,
    since: str | None = None,
) -> Choice:
    """Return the events that are meant. Raises UsageMistake for a time that is none."""
    from freestone.events import Choice

    return Choice(
        ids=tuple(ids or ()),
        subscription=subscription or "",
        type=kind or "",
        key=key or "",
        since=None if since is None else moment(since),
    )


def moment(written: str, now: datetime | None = None) -> datetime:
    """Return a time as people write it: so long ago, or a day, or a day and a time, in UTC if they do not say where.

    >>> moment("2h", datetime(2030, 1, 1, 12, tzinfo=UTC)).isoformat()
    '2030-01-01T10:00:00+00:00'
    >>> moment("2030-01-31").isoformat()
    '2030-01-31T00:00:00+00:00'
    """
    try:
        return (now or SystemClock().now()) - timedelta(seconds=seconds(written))
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise UsageMistake(
            f'"{written}" is no time; write how long ago, as 10m, 2h or 3d, or a day and a time, as 2030-01-31T06:00'
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
