"""Which tick of a schedule is to be run now, and when to look again. Pure: a decision about moments.

``last`` is the latest tick that is settled: it took effect, was given up or was left out. It never goes back, so a tick
that is settled stays so, whatever a clock says.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, final

import msgspec

from .timetable import Timetable, since

Missed: TypeAlias = Literal["skip", "once", "all"]
"""What is done about ticks at whose time nobody could run them.

- ``skip``: nothing. A tick that nobody has begun a minute after its time is left out.
- ``once``: the latest of them is run, and stands for all.
- ``all``: each is run, in order, the latest hundred at most; one that fails is tried until it succeeds.
"""

MISSED: Sequence[Missed] = ("skip", "once", "all")

MOST = 100
"""How many missed ticks ``all`` runs; those before are left out."""
LATE = timedelta(seconds=60)
"""After this time a tick that nobody has begun counts as missed."""


@final
class Due(msgspec.Struct, frozen=True):
    """What is to be done now."""

    tick: datetime | None
    """The tick to run; None if there is none."""
    left_out: tuple[datetime, ...]
    """Ticks that are past and that nobody will run, the oldest first; of very many the latest."""
    next: datetime | None
    """When the next tick comes that is not due yet; None if there is none any more."""


def due(timetable: Timetable, missed: Missed, last: datetime, now: datetime, jitter: float = 0.0) -> Due:
    """Return what is to be done now about a schedule whose latest settled tick is ``last``.

    ``jitter`` is by how many seconds a run may be put off.
    """
    upcoming = timetable.next_after(max(last, now))
    ticks = since(timetable, last, now, MOST + 1)
    if not ticks:
        return Due(None, (), upcoming)
    if missed == "all":
        return Due(ticks[-MOST:][0], tuple(ticks[:-MOST]), upcoming)
    if missed == "skip" and now - ticks[-1] > LATE + timedelta(seconds=jitter):
        return Due(None, tuple(ticks), upcoming)
    return Due(ticks[-1], tuple(ticks[:-1]), upcoming)


def next_try(missed: Missed, upcoming: datetime | None, again: datetime) -> datetime | None:
    """Return when a tick that failed is tried again; None if it is given up, because the next one is due before.

    ``again`` is when backoff would have it tried, ``upcoming`` when the next tick is due. ``all`` gives none up.
    """
    if missed != "all" and upcoming is not None and upcoming <= again:
        return None
    return again
