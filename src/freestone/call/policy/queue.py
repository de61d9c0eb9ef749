"""A short queue before a limit, ordered by deadline.

Theory of operation. A queue is for bursts: it may hold work for ``wait`` seconds, and is empty again. One that stands
for longer holds no burst but an overload, and only makes everybody wait; from then on nobody waits longer than
``target`` (or two steps of the queue, if those take longer), until it has been empty for most of ``wait`` seconds
(after CoDel, RFC 8289, and its use for requests in B. Maurer, Fail at Scale, 2015). That it was empty at times is not
enough: a queue so short often is, also under twice what can be served. Where there was an overload lately, a queue
that is not empty for a quarter of that time holds another: else a load of about what can be served would be taken for
a burst again and again. How many may wait follows from how fast the queue moves. The last one to wait is kept for
``wait`` seconds in any case, so that there is something to do when a place comes free.
"""

from __future__ import annotations

import heapq
from math import inf
from typing import Final, Generic, TypeVar, final

E = TypeVar("E")

_JOIN: Final = 0.7
"""The share of the patience within which somebody must expect their turn: who joins is to be served, not sent away."""
_OVER: Final = 0.7
"""The share of a while for which the queue of an overload that is over is empty."""
_LATELY: Final = 10.0
"""Times ``wait`` for which an overload that is over was one lately."""
_SOON: Final = 0.25
"""Times ``wait`` after which a queue that was not empty holds an overload, if there was one lately."""
_EASE: Final = 0.1
"""The weight of the newest gap between two that leave for work."""


@final
class Waiter(Generic[E]):
    """Somebody in the queue."""

    __slots__ = ("deadline", "entry", "needs", "repeated", "since", "waits")

    def __init__(self, entry: E, since: float, deadline: float, needs: float, repeated: bool) -> None:
        self.entry = entry
        self.since = since
        self.deadline = deadline
        self.needs = needs
        self.repeated = repeated
        self.waits = True

    def __lt__(self, other: Waiter[E]) -> bool:
        if self.deadline == other.deadline:  # mostly there is none
            return self.since < other.since
        return self.deadline < other.deadline


@final
class DeadlineQueue(Generic[E]):
    """Who waits, the nearest deadline first, and who came first where it is the same; those who come again after all
    others.

    ``most`` entries at most; ``wait`` and ``target`` are seconds, the target the lesser. Raises ValueError otherwise.
    """

    __slots__ = (
        "_again",
        "_first",
        "_gap",
        "_idle",
        "_looked",
        "_over",
        "_popped",
        "_repeated",
        "_since",
        "_standing",
        "_stood",
        "count",
        "most",
        "target",
        "wait",
    )

    def __init__(self, most: int = 500, wait: float = 0.1, target: float = 0.005) -> None:
        if most < 1 or not 0 < target <= wait:
            raise ValueError(f"a queue of {most} that waits {wait} s, then {target} s, is none")
        self.most = most
        self.wait = wait
        self.target = target
        self.count = 0
        """How many wait."""
        self._first: list[Waiter[E]] = []
        self._again: list[Waiter[E]] = []
        self._repeated = 0  # how many of them come again
        self._gap = 0.0
        self._popped = -1.0  # when somebody left for work with others behind; negative if nobody has
        self._standing = False
        self._stood = 0.0  # when it began to have somebody in it
        self._since = 0.0  # when it began to be watched for how long it is empty
        self._idle = 0.0  # how long it was, up to
        self._looked = 0.0
        self._over = -inf  # when an overload was over

    @property
    def standing(self) -> bool:
        """Whether it is overload that it holds, and no burst."""
        return self._standing

    def patience(self, now: float) -> float:
        """Return how long anybody may wait, as things are."""
        self._watch(now)
        if self.count and not self._standing:
            lately = now - self._over < _LATELY * self.wait
            if now - self._stood > (_SOON * self.wait if lately else self.wait):
                self._standing = True
        if not self._standing:
            return self.wait
        # Of a queue that moves slowly at least two may wait: the next, and one that is there when the next has left.
        return min(self.wait, max(self.target, 2 * self._gap))

    def delay(self) -> float:
        """Return the seconds that somebody who joins now would wait, as far as is known."""
        return self.count * self._gap

    def room(self, now: float, deadline: float, needs: float, repeated: bool) -> bool:
        """Whether somebody may join now: the queue is not full, and moves fast enough for the deadline."""
        delay, patience = self.delay(), self.patience(now)
        if now + delay + needs > deadline:
            return False
        full = self.count >= self.most or delay > _JOIN * patience
        return not full or (not repeated and self._repeated > 0)

    def join(
        self, entry: E, now: float, deadline: float, needs: float = 0.0, repeated: bool = False
    ) -> tuple[Waiter[E], list[E]]:
        """Let somebody wait for whom there is room; return the place, and who had to make room.

        ``needs`` is how many seconds the work takes, ``repeated`` whether it is a query that comes again.
        """
        displaced: list[E] = []
        patience = self.patience(now)
        if not repeated and (self.count >= self.most or self.delay() > _JOIN * patience):
            displaced = self._displace()
        if not self.count:
            self._stood = now
            self._popped = -1.0
        waiter = Waiter(entry, now, deadline, needs, repeated)
        heapq.heappush(self._again if repeated else self._first, waiter)
        self.count += 1
        self._repeated += repeated
        return waiter, displaced

    def leave(self, waiter: Waiter[E]) -> bool:
        """Let somebody go who waits no more; return whether they still did."""
        if not waiter.waits:
            return False
        waiter.waits = False
        self.count -= 1
        self._repeated -= waiter.repeated
        heap = self._again if waiter.repeated else self._first
        if len(heap) > 2 * self.count + 16:  # mostly those who have left
            heap[:] = [other for other in heap if other.waits]
            heapq.heapify(heap)
        return True

    def pop(self, now: float) -> tuple[E | None, list[E]]:
        """Return who is next to work, if anybody, and those whose time ran out before."""
        late: list[E] = []
        patience = self.patience(now)
        while self.count:
            waiter = self._head()
            self.leave(waiter)
            stale = now - waiter.since > (patience if self.count else self.wait)
            if stale or now + waiter.needs > waiter.deadline:
                late.append(waiter.entry)
                continue
            if self._popped >= 0.0:
                self._gap += _EASE * (now - self._popped - self._gap)
            self._popped = now  # which says nothing once nobody waits: see join
            return waiter.entry, late
        return None, late

    def resume(self, now: float, halted: float) -> None:
        """Do not count the last ``halted`` seconds as a wait: nobody could have been served in them."""
        for waiter in (*self._first, *self._again):
            waiter.since = min(now, waiter.since + halted)
        self._stood = min(now, self._stood + halted)
        self._since = min(now, self._since + halted)
        self._looked = min(now, self._looked + halted)
        if self._popped >= 0.0:
            self._popped = min(now, self._popped + halted)

    def sweep(self, now: float) -> list[E]:
        """Return those whose time has run out; they wait no more."""
        patience = self.patience(now)
        late: list[E] = []
        waiters = [waiter for waiter in (*self._again, *self._first) if waiter.waits]
        for waiter in sorted(waiters, key=lambda waiter: waiter.since):
            limit = patience if self.count > 1 else self.wait
            if now - waiter.since > limit or now + waiter.needs > waiter.deadline:
                self.leave(waiter)
                late.append(waiter.entry)
        return late

    # --- inside

    def _watch(self, now: float) -> None:
        """See for how long it is empty; if for most of a while, what it held was no overload, or that is over."""
        if not self.count:
            self._idle += now - self._looked
        self._looked = now
        watched = now - self._since
        if watched >= self.wait:
            if self._standing and self._idle > _OVER * watched:
                self._standing = False
                self._over = now
            self._since, self._idle = now, 0.0

    def _head(self) -> Waiter[E]:
        """Return the first of those who wait; there is one."""
        for heap in (self._first, self._again):
            while heap:
                if heap[0].waits:
                    return heap[0]
                heapq.heappop(heap)
        raise AssertionError("the count says that somebody waits")

    def _displace(self) -> list[E]:
        """Send away one of those who come again: not the first, whoever that is."""
        while self._repeated:
            waiter = self._again.pop()  # a leaf of the heap
            if self.leave(waiter):
                return [waiter.entry]
        return []
