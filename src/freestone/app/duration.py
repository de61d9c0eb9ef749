"""Durations as people write them: ``"250ms"``, ``"10s"``, ``"2m"``, ``"1h"``, or a number of seconds."""

from __future__ import annotations

import math
import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|m|h)")


def seconds(written: object) -> float:
    """Return the seconds that a duration stands for. Raises ValueError, with a sentence, if it stands for none.

    >>> seconds("250ms"), seconds("2m"), seconds(1.5)
    (0.25, 120.0, 1.5)
    """
    if isinstance(written, str) and (match := _WRITTEN.fullmatch(written.strip())):
        value = float(match[1]) * _UNITS[match[2]]
    elif isinstance(written, int | float) and not isinstance(written, bool):
        value = float(written)
    else:
        raise ValueError(f"{written!r} is no duration")
    if not (0 < value < math.inf):
        raise ValueError(f"a duration is more than nothing, and finite; {written!r} is not")
    return value


def shown(duration: float) -> str:
    """Return a duration in seconds as people write it.

    >>> shown(0.25), shown(10.0), shown(120.0), shown(90.0)
    ('250ms', '10s', '2m', '90s')
    """
    if duration < 1:
        return f"{duration * 1000:.6g}ms"
    for unit in ("h", "m"):
        if duration % _UNITS[unit] == 0:
            return f"{duration / _UNITS[unit]:.6g}{unit}"
    return f"{duration:.6g}s"
