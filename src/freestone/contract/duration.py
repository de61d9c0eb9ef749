"""Durations as people write them: ``"250ms"``, ``"10s"``, ``"2m"``, ``"1h"``, ``"30d"``, or a number of seconds."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WRITTEN = r"(?P<number>\d+(?:\.\d+)?) ?(?P<unit>ms|s|m|h|d)"
_LONGEST = timedelta(days=999_999_999).total_seconds()


def seconds(written: object) -> float:
    """Return the seconds that a duration stands for.

    Raises ValueError if it stands for none, with a sentence that does not show it: it may be a secret that was put
    in the wrong place.

    >>> seconds("250ms"), seconds("2m"), seconds(1.5)
    (0.25, 120.0, 1.5)
    """
    value: float
    if isinstance(written, str) and (match := re.fullmatch(_WRITTEN, written.strip())):
        value = float(match["number"]) * _UNITS[match["unit"]]
    elif isinstance(written, int | float) and not isinstance(written, bool):
        value = written
    else:
        raise ValueError('it is no duration, such as "250ms", "10s", "2m" or a number of seconds')
    if not 0 <= value <= _LONGEST:
        raise ValueError("a duration is not negative, and has an end")
    return float(value)


def shown(duration: float) -> str:
    """Return a duration in seconds as people write it.

    >>> shown(0.25), shown(10.0), shown(120.0), shown(90.0), shown(1209600.0)
    ('250ms', '10s', '2m', '90s', '14d')
    """
    if duration < 1:
        return f"{duration * 1000:.6g}ms"
    for unit in ("d", "h", "m"):
        if duration % _UNITS[unit] == 0:
            return f"{duration / _UNITS[unit]:.6g}{unit}"
    return f"{duration:.6g}s"
