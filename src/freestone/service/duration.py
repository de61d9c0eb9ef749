"""Lengths of time as people write them in a file."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>ms|s|m|h|d)")


def duration(written: str | float) -> timedelta:
    """Return the time that a text stands for, or a number of seconds. Raises ValueError if it stands for none.

    >>> duration("250ms"), duration("1.5h"), duration(3)
    (datetime.timedelta(microseconds=250000), datetime.timedelta(seconds=5400), datetime.timedelta(seconds=3))
    """
    number, unit = written, "s"
    if isinstance(written, str):
        match = _DURATION.fullmatch(written.strip())
        if match is None:
            raise ValueError("it is no duration, as 250ms, 10s, 5m, 2h or 30d")
        number, unit = match["number"], match["unit"]
    try:
        return timedelta(**{_UNITS[unit]: float(number)})
    except (OverflowError, ValueError):
        raise ValueError("it is longer than any time") from None
