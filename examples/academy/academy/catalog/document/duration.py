"""How long something takes, as people write it."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 100 * 60
"""Minutes; more is taken for a slip."""

_ABOUT = re.compile(r"^(?:about|approximately|approx\.?|around|ca\.?|circa|roughly|estimated|[~≈])\s*", re.I)
_NUMBER = r"\d{1,5}(?:[.,]\d{1,3})?"
_HOURS = rf"(?P<hours>{_NUMBER})\s*(?:hours?|hrs?\.?|h)"
_MINUTES = rf"(?P<minutes>{_NUMBER})\s*(?:minutes?|mins?\.?|m|['′])"
_DURATION = re.compile(rf"(?:{_HOURS})?(?:(?<=[a-z.])\s*(?:,|and|&)?\s*)?(?:{_MINUTES})?", re.I)
_BARE_MINUTES = re.compile(r"(?P<hours>\d{1,3})\s*h\s*(?P<minutes>\d{1,2})", re.I)


def minutes(text: str) -> int:
    """Return the minutes that a duration has: ``40 minutes``, ``40 min``, ``1 h 20 min``, ``1.5 hours``.

    Raises ValueError, with a reason, for anything else.

    >>> minutes("about 1 hour and 20 minutes")
    80
    """
    plain = _ABOUT.sub("", " ".join(text.split()))
    match = _DURATION.fullmatch(plain) or _BARE_MINUTES.fullmatch(plain)
    if match is None or not plain:
        if re.fullmatch(_NUMBER, plain):
            raise ValueError(f"the duration “{text}” has no unit; write “{plain} minutes”")
        raise ValueError(f"“{text}” is not a duration such as “40 minutes” or “1 h 20 min”")
    total = round(_number(match["hours"]) * 60 + _number(match["minutes"]))
    if not 1 <= total <= LONGEST:
        raise ValueError(f"the duration “{text}” is not between 1 minute and {LONGEST // 60} hours")
    return total


def _number(text: str | None) -> float:
    return float(text.replace(",", ".")) if text else 0.0
