"""Lets calls in that came over the wire, makes them wait for a short time, or refuses them, before they cost anything.

Theory of operation. An event loop hides overload: whatever was read becomes a task, each task waits for its turn among
all others, and the sockets wait until all had theirs. So there is one place in a process that every call passes, and
which begins few of them in one turn of the loop. Then turns are short, requests are read soon after they came, and
what is too much is told so while that is cheap. A call begins at once if fewer are in flight than the limit and this
turn has time left; else it waits in the queue; else it is refused, and its arguments were never decoded. A handler
that waits for something uses the loop in later turns, among others that do: of each operation some calls are watched
for how long they keep the loop in all, and so much less time has the turn for each that begins. What decides is pure:
``policy.AdaptiveLimit`` and ``policy.DeadlineQueue``; here are the clock, the turns and the signals.

A process also stands still at times: it is stopped, its machine pauses, a handler blocks the loop. What waited then is
no overload, and is served as if that time had not been, if it does not happen again and again.

A stream lasts as long as its reader likes, so it holds no place. Nor does what a process is asked about itself.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any, Final, Protocol, final

import msgspec

from freestone.contract import ErrorBody
from freestone.errors import ResourceExhausted
from freestone.signals import SIGNALS, LimitChanged, RequestAdmitted, RequestQueued, RequestRefused, RequestWithdrawn

from .policy import AdaptiveLimit, DeadlineQueue, Pace, Serving, Waiter
from .target import Target

LEAST: Final = 4
"""Calls in flight that are always allowed."""
TARGET: Final = 0.005
"""Seconds that a call may wait in a queue that stands."""
_TURN: Final = 0.003
"""Seconds of the loop that the calls which begin in one turn of it may need; what is left waits for the next turn."""
_MUCH: Final = _TURN / 4
"""Seconds spent in a turn after which it is looked when the next one begins."""
_TOGETHER: Final = 0.002
"""Seconds of calls that ran at once of which the limit is told together: much less than it needs to judge."""
_STEP: Final = 0.001
"""The same while calls wait: newer ones are read sooner, and told sooner that there is no room."""
_LONG: Final = 3.0
"""Times the usual after which a call that is cancelled tells how long calls take."""
_SAMPLE: Final = 16
"""Of so many calls of an operation, one is watched for how long it keeps the loop."""
_EASE: Final = 0.25
"""The weight of the newest one that was."""
_LONGEST: Final = 0.05
"""Seconds that one counts at most, be it that its machine paused meanwhile."""
_HALT: Final = 0.125
"""Seconds without a turn of the loop from which on the process stood still; half of the longest wait, if less."""
_RARELY: Final = 1.0
"""Seconds that must have passed since it last did: a process that often does so has too much to do."""
_FULL: Final = "this process serves as many calls as it can, and as many wait as may"
_LATE: Final = "this process serves as many calls as it can; the deadline would come before this one had its turn"
_WAITED: Final = "this process serves as many calls as it can; this one has waited as long as a call may"


@final
class Place:
    """Where the calls of one operation are counted, of which ``most`` may be in flight."""

    __slots__ = ("_until", "calls", "counted", "in_flight", "keeps", "most", "pace", "seconds", "told")

    def __init__(self, most: float, *, counted: bool = True, watched: bool = True) -> None:
        self.in_flight = 0
        self.most = most
        self.counted = counted
        self.pace = Pace()
        self.calls = 0
        """Calls that ran at once, of which the limit was not told yet."""
        self.seconds = 0.0
        """How long they took together."""
        self.told = 0.0
        """When it was told last."""
        self.keeps = 0.0
        """Seconds for which a call that does not end at once keeps the loop to itself, in all of its turns."""
        self._until: float = 0 if watched else inf

    def watches(self) -> bool:
        """Whether the next call is to be watched for that."""
        if self._until > 0:
            self._until -= 1
            return False
        self._until = _SAMPLE - 1
        return True

    def kept(self, seconds: float) -> None:
        """Learn for how long one that was watched, and did not end at once, has kept the loop."""
        seconds = min(seconds, _LONGEST)
        self.keeps += (_EASE if self.keeps else 1.0) * (seconds - self.keeps)


class Waiting(Protocol):
    """A call that waits, as admission sees it."""

    target: Target
    deadline: float
    waiter: Waiter[Any] | None

    def start(self, place: Place, now: float) -> None:
        """Begin it there."""
        ...

    def refuse(self, body: ErrorBody) -> None:
        """Answer it with that error; it was not begun."""
        ...


@final
class Admission:
    """Decides for all connections of one server.

    Every call asks first. It gets a place, and says ``ended`` or ``leave`` when it is over; or the error to answer it
    with; or nothing, and then says ``wait``.
    """

    def __init__(self, serving: Serving, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._serving = serving
        self._adaptive = (
            AdaptiveLimit(serving.calls, min(LEAST, serving.calls)) if serving.limit == "adaptive" else None
        )
        self._queue: DeadlineQueue[Waiting] = DeadlineQueue(serving.queue, serving.wait, min(TARGET, serving.wait))
        off = serving.limit == "off"
        self._turn = inf if off else _TURN
        self._places: dict[Target, Place] = {}
        self._bodies: dict[tuple[str, float], ErrorBody] = {}
        self._spent = 0.0  # seconds of this turn that calls use which were begun in it
        self._turned = 0.0  # when a turn was last seen to begin, while somebody waits
        self._awake = -inf  # when a halt that is not counted was over
        self._pumping = False
        self._sweeper: asyncio.TimerHandle | None = None
        self.limit: float = inf if off else serving.calls
        """Calls that may be in flight now."""
        self.in_flight = 0
        """Calls that hold a place."""

    @property
    def waiting(self) -> int:
        """Calls that wait for a place."""
        return self._queue.count

    @property
    def pressed(self) -> bool:
        """Whether the next call would have to wait."""
        return self._queue.count > 0 or self._spent >= self._turn or self.in_flight >= self.limit

    def ask(self, target: Target, now: float, deadline: float, repeated: bool) -> Place | ErrorBody | None:
        """Return the place of a call that may begin now, or the error to refuse it with, or None if it must wait."""
        place = self._places.get(target)
        if place is None:
            place = self._place(target)
        if (
            self._spent < self._turn
            and self.in_flight < self.limit
            and place.in_flight < place.most
            and not self._queue.count
            and place.counted
        ):  # as nearly always
            place.in_flight += 1
            self.in_flight += 1
            if SIGNALS.observed:
                SIGNALS.announce(RequestAdmitted(target.name, 0.0))
            return place
        if not place.counted:
            return place
        if place.in_flight >= place.most:
            return self._refused(target, _share(target, place))
        if self._queue.count:
            self._look(now)
            if not self._queue.room(now, deadline, place.pace.usual or 0.0, repeated):
                return self._refused(target, _LATE if now + self._queue.delay() > deadline else _FULL)
            return None
        return None

    def wait(self, call: Waiting, came: float, repeated: bool) -> None:
        """Let a call wait that must."""
        # After a long turn it is not known when a request came that was read just now: it may have been there for
        # all of it. The clock of those who wait is looked at in every turn, so it tells.
        queue = self._queue
        self._halted(came, self._loop.time())
        since = self._turned if queue.count and came - self._turned > queue.target else came
        since = max(since, self._awake)
        needs = self._places[call.target].pace.usual or 0.0
        call.waiter, displaced = queue.join(call, since, call.deadline, needs, repeated)
        if SIGNALS.observed:
            SIGNALS.announce(RequestQueued(call.target.name))
        for other in displaced:
            self._refuse(other, _FULL)
        if self._sweeper is None:
            self._turned = came
            self._sweeper = self._loop.call_later(queue.target, self._sweep)
        if self.in_flight < self.limit and not self._pumping:
            self._pump_soon()

    def withdraw(self, call: Waiting, reason: str) -> bool:
        """Let a call go that need not wait any more, for a reason to announce; return whether it waited."""
        waiter = call.waiter
        if waiter is None or not self._queue.leave(waiter):
            return False
        if SIGNALS.observed:
            SIGNALS.announce(RequestWithdrawn(call.target.name, reason, self._loop.time() - waiter.since))
        return True

    def goes_on(self, place: Place, began: float) -> None:
        """Take note that a call that began then did not end at once: it will use the loop in later turns."""
        seconds = self._loop.time() - began
        self._spent += max(seconds, place.keeps)
        if self._spent > _MUCH and not self._pumping:
            self._pump_soon()

    def ended(self, place: Place, began: float, lag: float | None = None, *, done: bool = True) -> None:
        """Take the place of a call that has ended, which began then, and waited ``lag`` seconds for its first turn.

        Without a lag it ran at once, and is over before anything else was done. ``done`` is whether its deadline let
        it end.
        """
        if not place.counted:
            return
        now = self._loop.time()
        adaptive = self._adaptive
        if lag is not None:
            if adaptive is not None and adaptive.record(place.pace, began, now, lag, self.in_flight, done):
                self._changed(adaptive.value)
        else:  # as nearly always: what is counted is little, and the limit is told of all that ran at once in a while
            seconds = now - began
            self._spent += seconds
            place.calls += 1
            place.seconds += seconds
            if adaptive is not None and now - place.told > _TOGETHER:
                self._tell(adaptive, place, began, now)
            if self._spent > _MUCH and not self._pumping:
                self._pump_soon()
        place.in_flight -= 1
        self.in_flight -= 1
        if self._queue.count and not self._pumping:
            self._pump_soon()

    def abandoned(self, place: Place, began: float, lag: float) -> None:
        """Take the place of a call that its caller has cancelled.

        One that had taken long by then counts as one that its deadline ended: the caller's clock was only quicker.
        """
        usual = place.pace.usual
        if usual is None or self._loop.time() - began > _LONG * usual:
            self.ended(place, began, lag, done=False)
        else:
            self.leave(place)

    def leave(self, place: Place) -> None:
        """Take the place of a call of which nothing can be learnt."""
        if place.counted:
            place.in_flight -= 1
            self.in_flight -= 1
            if self._queue.count and not self._pumping:
                self._pump_soon()

    def close(self) -> None:
        """Stop the clock; whoever waits was told by somebody else."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    # --- inside

    def _place(self, target: Target) -> Place:
        counted = not target.essential and not target.operation.streams
        # Whoever debugs a loop wants to see a task as it is, and without a limit it is not asked.
        watched = counted and self._turn < inf and not self._loop.get_debug()
        most = self._serving.methods.get(target.name, inf)
        place = self._places[target] = Place(most, counted=counted, watched=watched)
        return place

    def _tell(self, adaptive: AdaptiveLimit, place: Place, began: float, now: float) -> None:
        """Tell the limit of the calls that ran at once since the last time."""
        calls, seconds = place.calls, place.seconds
        place.calls, place.seconds, place.told = 0, 0.0, now
        if adaptive.record_all(place.pace, calls, began, now, seconds, 0.0, self.in_flight, calls):
            self._changed(adaptive.value)

    def _pump_soon(self) -> None:
        self._pumping = True
        self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Begin those who wait, as long as there are places and this turn has time."""
        self._pumping = False
        self._spent = 0.0
        queue = self._queue
        now = self._loop.time()
        self._look(now)
        self._turned = now
        while queue.count and self.in_flight < self.limit and self._spent < _STEP:
            call, late = queue.pop(now)
            for other in late:
                self._refuse(other, _WAITED)
            if call is None:
                break
            place = self._places[call.target]
            if place.in_flight >= place.most:
                self._refuse(call, _share(call.target, place))
                continue
            if SIGNALS.observed and call.waiter is not None:
                SIGNALS.announce(RequestAdmitted(call.target.name, now - call.waiter.since))
            place.in_flight += 1
            self.in_flight += 1
            call.start(place, now)
            now = self._loop.time()
        if queue.count and self.in_flight < self.limit and not self._pumping:
            self._pump_soon()

    def _sweep(self) -> None:
        """Refuse those whose time has run out while no place came free."""
        now = self._loop.time()
        self._look(now)
        self._sweeper = None
        self._turned = now
        for call in self._queue.sweep(now):
            self._refuse(call, _WAITED)
        if self._queue.count:
            self._sweeper = self._loop.call_later(self._queue.target, self._sweep)

    def _look(self, now: float) -> None:
        """See whether the process stood still since the last turn that was seen; while somebody waits, all are."""
        if self._sweeper is not None:
            self._halted(self._turned, now)

    def _halted(self, since: float, now: float) -> None:
        """Let the time not count in which nothing was done, if it was long, and the first for a while."""
        if now - since > min(_HALT, self._serving.wait / 2) and since - self._awake > _RARELY:
            self._queue.resume(now, now - since)
            self._awake = self._turned = now

    def _changed(self, limit: int) -> None:
        if SIGNALS.observed:
            SIGNALS.announce(LimitChanged(limit, int(self.limit)))
        self.limit = limit

    def _refuse(self, call: Waiting, reason: str) -> None:
        call.refuse(self._refused(call.target, reason))

    def _refused(self, target: Target, reason: str) -> ErrorBody:
        # After a burst there is room again as soon as the queue is empty; an overload takes longer to pass.
        wait = self._serving.wait
        retry_after = 1.25 * wait if self._queue.standing else wait / 4
        if SIGNALS.observed:
            SIGNALS.announce(RequestRefused(target.name, reason, retry_after))
        body = self._bodies.get((reason, retry_after))
        if body is None:
            fields = msgspec.msgpack.encode({"retry_after": retry_after})
            body = ErrorBody(ResourceExhausted.code, "ResourceExhausted", reason, fields, None)
            self._bodies[reason, retry_after] = body
        return body


def _share(target: Target, place: Place) -> str:
    return f"{target.name} is limited to {place.most} calls at a time, and has them"
