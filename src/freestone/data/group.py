"""When a group of transactions is committed: decided here, done by ``group_lane``.

SQLite has one writer at a time, and a commit that is on the disk costs about as much as a transaction. So those that
wait for each other anyway share one: each is a savepoint in it, and hears of its commit when that of the group is on
the disk. A member that has ended well is *kept*; whoever waits for its turn may *join* behind it, which delays the
kept ones by as long as it holds the connection. How long that is, is learned for each owner.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, final

MOST: Final = 100
"""Members of a group."""
_AGE: Final = 0.005
_OLDEST: Final = 0.1
_JOIN: Final = 0.002
_OWNERS: Final = 1000


class Next(Enum):
    """What to do with the connection when nobody is in."""

    ADMIT = "let the first of those who wait in"
    COMMIT = "commit the group"
    REST = "nothing"


@final
class Holds:
    """How long each owner held the connection, lately.

    One that was held for long is believed at once, and forgotten by half with each time that was shorter.

    >>> holds = Holds()
    >>> holds.learn("orders.place", 0.008)
    >>> holds.learn("orders.place", 0.002)
    >>> holds.expected("orders.place")
    0.005
    """

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def expected(self, owner: str) -> float | None:
        """Return the seconds for which it will most likely hold the connection; None of one that is not known."""
        return self._seconds.get(owner)

    def learn(self, owner: str, seconds: float) -> None:
        """Learn for how long it held the connection. At most 1,000 owners are known."""
        known = self._seconds.get(owner)
        if known is None and len(self._seconds) >= _OWNERS:
            self._seconds.clear()
        self._seconds[owner] = seconds if known is None or seconds >= known else (known + seconds) / 2


@final
class Commits:
    """What the last commits took, against which a group weighs.

    >>> Commits().may_join(kept=1, age=0.0, expected=0.001), Commits().may_join(kept=1, age=0.0, expected=None)
    (True, False)
    """

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = 0.0
        """What one takes, smoothed."""

    def learn(self, seconds: float) -> None:
        """Learn how long a commit took."""
        self.seconds = seconds if self.seconds == 0.0 else self.seconds * 0.8 + seconds * 0.2

    def may_join(self, kept: int, age: float, expected: float | None) -> bool:
        """Return whether somebody who will hold the connection that long may come in before the group is committed.

        ``kept`` members wait for the commit, the oldest for ``age`` seconds. Nobody waits for it longer than a few
        commits take, and nobody who holds the connection longer than one takes is put before them.
        """
        if kept == 0:
            return True
        if kept >= MOST or age >= min(_OLDEST, max(_AGE, 4 * self.seconds)):
            return False
        return expected is not None and expected <= max(_JOIN, self.seconds)


def decide(commits: Commits, holds: Holds, kept: int, age: float, waiting: str | None) -> Next:
    """Return what to do now that nobody is in; ``waiting`` is the owner of who is next, None if nobody waits.

    >>> decide(Commits(), Holds(), kept=0, age=0.0, waiting="orders.place").name
    'ADMIT'
    >>> decide(Commits(), Holds(), kept=3, age=0.0, waiting=None).name
    'COMMIT'
    """
    if waiting is not None and commits.may_join(kept, age, holds.expected(waiting)):
        return Next.ADMIT
    return Next.COMMIT if kept else Next.REST
