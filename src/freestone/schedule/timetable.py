"""When a schedule ticks. Pure: the time is an argument, and the answer depends on nothing else.

A timetable is a fixed set of moments, the same for everybody who computes it, so that replicas need not agree on
anything but which of them are done. A moment is in UTC; only ``Cron`` looks at the clocks of a time zone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol, final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from freestone.contract import seconds, shown

if TYPE_CHECKING:
    from cronsim import CronSim

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_LOOK = timedelta(minutes=2)
_FIELDS = "minute hour day month weekday"
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)

HOW_TO_INSTALL = 'install it with: pip install "freestone[schedules]"'


class Misread(ValueError):
    """A timetable that is written wrongly: what is wrong, and what to do."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem}; {advice}")
        self.problem = problem
        self.advice = advice


class Timetable(Protocol):
    """The moments of a schedule. ``str()`` of it is for people."""

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first moment after that one, in UTC; None if there is none for fifty years."""
        ...


@final
class Every(msgspec.Struct, frozen=True):
    """Equal steps, counted from 1970 in UTC: every five minutes is at :00, :05, :10, whenever a process was started."""

    step: int
    """Seconds from one moment to the next."""

    def next_after(self, moment: datetime) -> datetime | None:
        passed = (moment - _EPOCH) // timedelta(seconds=1)
        return _EPOCH + timedelta(seconds=(passed // self.step + 1) * self.step)

    def __str__(self) -> str:
        return f"every {shown(self.step)}"


@final
class Cron(msgspec.Struct, frozen=True):
    """The moments of a cron expression by the clocks of a time zone, as Debian's cron has them.

    Where clocks are set forward, a time that they skip is the first moment after the gap. Where they are set back, a
    time that they show twice is its first showing. That is for times that are written: with ``*`` for the hour or the
    minute the expression means a distance, and ticks on through both. (Where clocks are set by half an hour, as on
    Lord Howe Island, such an expression may then leave out its ticks of one hour.)
    """

    expression: str
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime | None:
        for tick in self._from(moment):
            # What follows the second showing of a time may be the first showing of a later one, which is past.
            if tick > moment:
                return tick
        return None

    def __str__(self) -> str:
        return f"cron {self.expression} {self.zone.key}"

    def _from(self, moment: datetime) -> Iterator[datetime]:
        from cronsim import CronSim

        found: CronSim = CronSim(self.expression, moment.astimezone(self.zone))
        for tick in found:
            yield tick.astimezone(UTC)


def every(step: object) -> Every:
    """Return the timetable of equal steps. Raises Misread for what is no whole number of seconds.

    >>> str(every("5m"))
    'every 5m'
    """
    try:
        length = seconds(step)
    except ValueError:
        raise Misread(f"{step!r} is no duration", 'say "30s", "5m", "1h"') from None
    if length < 1 or length != int(length):
        raise Misread(f"{step!r} is no whole number of seconds", 'say "1s" or more, as "30s"')
    return Every(int(length))


def cron(expression: object, zone: object) -> Cron:
    """Return the timetable of a cron expression of five fields. Raises Misread for what is none, or never comes.

    >>> str(cron("0 6 * * *", "Europe/Berlin"))
    'cron 0 6 * * * Europe/Berlin'
    """
    try:
        from cronsim import CronSim, CronSimError
    except ImportError:
        raise Misread("cronsim, which reads cron expressions, is not installed", HOW_TO_INSTALL) from None
    if not isinstance(expression, str) or len(expression.split()) != 5:
        raise Misread(f"{expression!r} has not the five fields of cron", f'write "{_FIELDS}", as "0 6 * * 1-5"')
    try:
        CronSim(expression, _SOME_DAY)
    except CronSimError as error:
        wrong = str(error).removeprefix("Bad ")
        raise Misread(f"{expression!r} has a wrong {wrong}", f'write "{_FIELDS}", as "0 6 * * 1-5"') from None
    table = Cron(" ".join(expression.split()), _zone(zone))
    if table.next_after(_SOME_DAY) is None:
        raise Misread(f"{expression!r} never comes", "name a day that its months have")
    return table


def since(timetable: Timetable, last: datetime, now: datetime, most: int) -> list[datetime]:
    """Return the moments after ``last`` and not after ``now``, the oldest first; of more than ``most``, the latest.

    It looks backwards in growing spans, so that a schedule of every minute which was away for a year costs no more
    than one that was away for a day.
    """
    span = _FIRST_LOOK
    while True:
        start = max(last, now - span)
        found = list(_between(timetable, start, now))
        if start == last or len(found) >= most:
            return found[-most:]
        span *= 4


def shortest_step(timetable: Timetable) -> float:
    """Return the seconds of the shortest step between ticks, of the first few of some year."""
    ticks = [tick for tick, _ in zip(_between(timetable, _SOME_DAY, _LATEST), range(20), strict=False)]
    return min((after - before).total_seconds() for before, after in itertools.pairwise(ticks))


def _between(timetable: Timetable, start: datetime, end: datetime) -> Iterator[datetime]:
    tick = timetable.next_after(start)
    while tick is not None and tick <= end:
        yield tick
        tick = timetable.next_after(tick)


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Misread(
            f"there is no time zone {name!r} here", f'name one of IANA, as "Europe/Berlin"; or {HOW_TO_INSTALL}'
        ) from None
