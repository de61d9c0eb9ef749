"""Events that were kept for later: what becomes of one that could not be handled, or that must wait for such a one.

```
                    failed                      gave up
     (read) ─────────────────► retrying ─────────────────────► aside
        │                       ▲  │ ▲ └─┐ failed                │
        │ behind                │  │ └───┘                       │
        ▼               reached │  │ handled, dropped            │ dropped
     waiting ───────────────────┘  ▼                             ▼
        └─────────────────────► (gone) ◄─────────────────────────┘
                 dropped                       retrying ◄── retried ── aside
```

An event that fails is *retrying* until its tries are used up, or its handler rejects it; then it is *aside*, for a
person to retry or to drop. Meanwhile later events of its key are *waiting* behind it. Whether they also wait for one
that is aside is what ``on_failure`` says. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal


class State(enum.Enum):
    """What an event that was kept is."""

    RETRYING = "retrying"
    """It failed, and is tried again at its time; or nothing is before it any more, and its time has come."""
    ASIDE = "aside"
    """It is not tried any more until a person says so."""
    WAITING = "waiting"
    """An event of its key that comes before it is kept."""


class Happening(enum.Enum):
    """What changes that."""

    FAILED = "failed"
    GAVE_UP = "gave up"
    BEHIND = "behind"
    """It was read, and something of its key is kept."""
    REACHED = "reached"
    """Nothing that it must wait for is before it any more."""
    HANDLED = "handled"
    RETRIED = "retried"
    """A person has it tried again."""
    DROPPED = "dropped"
    """A person has it forgotten."""


TRANSITIONS: Final[Mapping[tuple[State | None, Happening], State | None]] = MappingProxyType({
    (None, Happening.FAILED): State.RETRYING,
    (None, Happening.GAVE_UP): State.ASIDE,
    (None, Happening.BEHIND): State.WAITING,
    (State.WAITING, Happening.REACHED): State.RETRYING,
    (State.WAITING, Happening.DROPPED): None,
    (State.RETRYING, Happening.FAILED): State.RETRYING,
    (State.RETRYING, Happening.GAVE_UP): State.ASIDE,
    (State.RETRYING, Happening.HANDLED): None,
    (State.RETRYING, Happening.RETRIED): State.RETRYING,
    (State.RETRYING, Happening.DROPPED): None,
    (State.ASIDE, Happening.RETRIED): State.RETRYING,
    (State.ASIDE, Happening.DROPPED): None,
})  # fmt: skip
"""From a state, or None for an event that was only read, to the next one, or None for one that is gone."""


def after_failure(tries: int, limit: int, *, rejected: bool) -> Happening:
    """Return what a failure is, after that many tries, this one included, of at most ``limit``."""
    return Happening.GAVE_UP if rejected or tries >= limit else Happening.FAILED


def blocking(on_failure: Literal["wait", "skip"]) -> tuple[State, ...]:
    """Return the states of an event that the later ones of its key wait for."""
    every = (State.RETRYING, State.WAITING)
    return (*every, State.ASIDE) if on_failure == "wait" else every


LONGEST_WAIT: Final = 300.0
"""Seconds between two tries at most, unless the first wait is longer."""


def wait(tries: int, first: float, chance: float) -> float:
    """Return the seconds before the next try, after that many; ``chance`` is a number in [0, 1).

    The first wait is about ``first``, and each further one twice as long, up to five minutes. They are spread between
    half of that and all of it: what failed together because something was down is not tried again all at once.

    >>> [wait(tries, 1.0, 0.5) for tries in (1, 2, 3, 20)]
    [0.75, 1.5, 3.0, 225.0]
    """
    longest = max(first, LONGEST_WAIT)
    whole = min(longest, first * 2.0 ** min(tries - 1, 60))
    return whole * (0.5 + 0.5 * chance)
