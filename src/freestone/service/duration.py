"""Lengths of time as people write them in a file."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>ms|s|m|h|d)")


def duration(text: str) -> timedelta:
    """Return the time that a text stands for. Raises ValueError if it stands for none.

    >>> duration("250ms"), duration("1.5h")
    (datetime.timedelta(microseconds=250000), datetime.timedelta(seconds=5400))
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("it is no duration, as 250ms, 10s, 5m, 2h or 30d")
    return timedelta(**{_UNITS[match["unit"]]: float(match["number"])})
