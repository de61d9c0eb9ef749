"""More than can be served, in virtual time: the real admission, an event loop whose clock the test holds, and callers.

What a machine measures depends on what else it does; here nothing does. Handlers say for how long they use the
processor, callers come at random moments from a seed and do not wait, and time passes as fast as it can be computed.
``python tests/call/test_crowd.py`` prints the table of the docs.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from math import inf, nan
from typing import Any, Final, Literal, TypeAlias, cast

import msgspec
import pytest

from freestone.call import Retry, Serving, Target
from freestone.call.admission import Admission, Place
from freestone.call.policy import Habit, RetryBudget, Safety, Stop, Waiter, next_attempt
from freestone.contract import Contract, ErrorBody, operations, query
from freestone.errors import ResourceExhausted

Kind: TypeAlias = Literal["compute", "wait", "share"]
KINDS: Final[tuple[Kind, ...]] = ("compute", "wait", "share")
CAPACITY: Final = 250.0
"""Calls a second that each kind of handler can serve, nearly."""
NETWORK: Final = 0.0001
"""Seconds that a message is under way."""
READ: Final = 15e-6
START: Final = 40e-6
REFUSE: Final = 5e-6
"""Seconds of the processor to read a request, to begin a call, and to refuse one."""
PATIENCE: Final = 1.0
"""Seconds that a caller waits, in all."""
QUIET: Final = 2.0
"""Seconds at half the capacity before and after a load."""


class Work(Contract):
    """What callers ask for."""

    @query
    async def do(self) -> None:
        """Do it."""


class Loop:
    """The clock and the callbacks of an event loop, as admission uses them."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ready: deque[Callable[[], None]] = deque()
        self.timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.ready.append(callback)

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        return self.call_at(self.now + delay, callback)

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self.timers, (when, next(self._order), timer))
        return timer


class Timer:
    """A timer that may be taken back."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.fire = callback

    def cancel(self) -> None:
        self.fire = lambda: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended that somebody made, and when, and how long that took."""

    how: Literal["answered", "refused", "expired"]
    at: float
    took: float


Steps: TypeAlias = Generator["float | Connections", None, None]
"""A handler: it waits for so many seconds, or for a connection."""


class Connections:
    """So many of them, for one call each. Who came first has the next."""

    def __init__(self, free: int, loop: Loop) -> None:
        self.free = free
        self.waiting: deque[Call] = deque()
        self._loop = loop

    def give_back(self) -> None:
        if not self.waiting:
            self.free += 1
            return
        call = self.waiting.popleft()
        self._loop.call_soon(lambda: call.go() if call.state == "runs" else self.give_back())


class World:
    """A server that serves one kind of work, and its callers, each with the same idea of trying again.

    ``again`` is the framework's own policy, or how many times naive callers try at once, each time with new patience.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        limit: Literal["adaptive", "off"] = "adaptive",
        again: Retry | int = Retry(),
        patience: float = PATIENCE,
        seed: int = 1,
        cpu: float = 1 / CAPACITY,
    ) -> None:
        self.kind = kind
        self.cpu = cpu
        self.loop = Loop()
        self.chance = random.Random(seed)
        self.admission = Admission(Serving(limit=limit), cast(asyncio.AbstractEventLoop, self.loop))
        self.target = Target("work.do", operations(Work)["do"], lambda: None)
        self.habit = Habit()
        self.connections = Connections(5, self.loop)
        self.outcomes: list[Outcome] = []
        self.offered: list[float] = []
        self.sent = 0
        self._again = again
        self._patience = patience
        self._budget = RetryBudget(0.2, 10.0, 0.0)
        self._arriving: list[tuple[float, int, Call, bool]] = []  # what the server has not read; True is a cancellation
        self._callers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._backlog: deque[tuple[Call, float]] = deque()
        self._serving = False

    # --- callers

    def offer(self, rate: Callable[[float], float], until: float) -> None:
        """Let calls come at that rate, which may change with time."""

        def come(due: float) -> None:
            self.offered.append(due)
            self._budget.calls += 1
            self.send(due, due, 1)
            following = due + self.chance.expovariate(rate(due))
            if following < until:
                self.at(following, lambda: come(following))

        self.at(0.0, lambda: come(0.0))

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Let something happen on the callers' side."""
        heapq.heappush(self._callers, (when, next(self._order), action))

    def send(self, now: float, due: float, attempt: int) -> None:
        """Send a call."""
        self.sent += 1
        end = (now if isinstance(self._again, int) else due) + self._patience
        call = Call(self, due, now, attempt, end)
        heapq.heappush(self._arriving, (now + NETWORK, next(self._order), call, False))

        def give_up() -> None:
            if not call.over:
                heapq.heappush(self._arriving, (end + NETWORK, next(self._order), call, True))
                self.fail(call, end, "expired", 0.0)

        self.at(end, give_up)

    def fail(self, call: Call, now: float, how: Literal["refused", "expired"], retry_after: float) -> None:
        """A call had no answer: try again, or let it be."""
        call.over = True
        again = self._again
        if isinstance(again, int):
            if call.attempt < again:
                self.send(now, call.due, call.attempt + 1)
                return
        elif how == "refused":
            failure = ResourceExhausted("", retry_after=retry_after)
            delay = next_attempt(
                again, failure, begun=False, leaving=False, safety=Safety.QUERY, sent=call.attempt,
                left=call.end - now, budget=self._budget, now=now, random=self.chance,
            )  # fmt: skip
            if not isinstance(delay, Stop):
                self.at(now + delay, lambda: self.send(now + delay, call.due, call.attempt + 1))
                return
        self.outcomes.append(Outcome(how, now, now - call.due))

    def answered(self, call: Call) -> None:
        """The server answers."""
        at = self.loop.now + NETWORK

        def hear() -> None:
            if not call.over:
                call.over = True
                self.outcomes.append(Outcome("answered", at, at - call.due))

        self.at(at, hear)

    def refused(self, call: Call, body: ErrorBody) -> None:
        """The server refuses."""
        at, retry_after = self.loop.now + NETWORK, msgspec.msgpack.decode(body.fields)["retry_after"]
        self.at(at, lambda: None if call.over else self.fail(call, at, "refused", retry_after))

    # --- the server

    def run(self, until: float, halts: Iterator[tuple[float, float]] = iter(())) -> None:
        """Let time pass; in a halt, at a time and for so many seconds, the process stands still."""
        loop, halt = self.loop, next(halts, (inf, 0.0))
        while loop.now < until:
            self._callers_act()
            if not loop.ready:
                queues: tuple[list[Any], ...] = (self._arriving, loop.timers, self._callers)
                loop.now = max(loop.now, min((queue[0][0] for queue in queues if queue), default=until))
                self._callers_act()
            if loop.now >= halt[0]:
                loop.now += halt[1]
                halt = next(halts, (inf, 0.0))
                self._callers_act()
            ready, loop.ready = loop.ready, deque()
            while loop.timers and loop.timers[0][0] <= loop.now:
                ready.append(heapq.heappop(loop.timers)[2].fire)
            self._read()
            for callback in ready:
                callback()
            loop.now += 2e-6

    def _callers_act(self) -> None:
        while self._callers and self._callers[0][0] <= self.loop.now:
            heapq.heappop(self._callers)[2]()

    def _read(self) -> None:
        came = self.loop.now
        while self._arriving and self._arriving[0][0] <= came:
            _, _, call, cancels = heapq.heappop(self._arriving)
            self.loop.now += READ
            if cancels:
                call.cancel()
            else:
                self._backlog.append((call, came))
        if not self._serving:
            self._serve()

    def _serve(self) -> None:
        """As a session does."""
        served = 0
        while self._backlog and (served < 32 or self.admission.pressed):
            served += 1
            call, came = self._backlog.popleft()
            if call.state != "new":
                continue
            now, call.deadline = self.loop.now, came + call.end - call.sent
            self.loop.call_at(call.deadline, call.expire)
            match self.admission.ask(self.target, now, call.deadline, call.attempt > 1):
                case Place() as place:
                    call.start(place, now)
                case ErrorBody() as body:
                    call.refuse(body)
                case None:
                    self.admission.wait(call, came, call.attempt > 1)
        self._serving = bool(self._backlog)
        if self._serving:
            self.loop.call_soon(self._serve)

    def handle(self) -> Steps:
        """Do the work."""
        loop = self.loop
        if self.kind == "compute":
            loop.now += self.cpu
        elif self.kind == "wait":
            loop.now += self.cpu / 2
            yield 0.02
            loop.now += self.cpu / 2
        else:
            connections = self.connections
            if connections.free:
                connections.free -= 1
            else:
                yield connections
            try:
                yield 5 / CAPACITY
            finally:
                connections.give_back()


class Call:
    """One attempt at a call, at both ends."""

    __slots__ = (
        "_began",
        "_kept",
        "_lag",
        "_place",
        "_steps",
        "_turns",
        "_watched",
        "_world",
        "attempt",
        "deadline",
        "due",
        "end",
        "over",
        "sent",
        "state",
        "target",
        "waiter",
    )  # fmt: skip

    def __init__(self, world: World, due: float, sent: float, attempt: int, end: float) -> None:
        self.due, self.sent, self.attempt, self.end = due, sent, attempt, end
        self.over = False
        self.deadline = inf
        self.target = world.target
        self.waiter: Waiter[Any] | None = None
        self.state: Literal["new", "runs", "ended"] = "new"
        self._world = world
        self._place: Place | None = None
        self._lag = self._kept = self._began = 0.0
        self._turns = 0
        self._watched = False

    def start(self, place: Place, now: float) -> None:
        """Begin it, at once or in the next turn, as the starter does."""
        world, loop = self._world, self._world.loop
        loop.now += START
        self.state, self._place, self._began, self._watched = "runs", place, now, place.watches()
        self._steps = world.handle()
        if not world.habit.tries():
            loop.call_soon(self._first)
        elif self._step():
            self.state = "ended"
            world.answered(self)
            world.admission.ended(place, now)
            world.habit.ran()
            return
        else:
            world.habit.waited()
        world.admission.goes_on(place, now)

    def _first(self) -> None:
        self._lag = self._world.loop.now - self._began
        self.go()

    def go(self) -> None:
        """Go on with it, if it is not over."""
        if self.state == "runs" and self._step():
            self.state = "ended"
            self._world.answered(self)
            assert self._place is not None
            self._world.admission.ended(self._place, self._began, self._lag)

    def _step(self) -> bool:
        """Go on to where it waits next; return whether it has ended."""
        assert self._place is not None
        loop = self._world.loop
        since, waits = loop.now, next(self._steps, None)
        self._kept += loop.now - since
        self._turns += 1
        if isinstance(waits, Connections):
            waits.waiting.append(self)
        elif waits is not None:
            loop.call_later(waits, self.go)
        elif self._watched and self._turns > 1:
            self._place.kept(self._kept)
        return waits is None

    def refuse(self, body: ErrorBody) -> None:
        """It was not begun."""
        self.state = "ended"
        self._world.loop.now += REFUSE
        self._world.refused(self, body)

    def expire(self) -> None:
        """Its deadline has passed at the server."""
        if self._stops():
            assert self._place is not None
            self._world.admission.ended(self._place, self._began, self._lag, done=False)

    def cancel(self) -> None:
        """Its caller has given it up."""
        if self._stops():
            assert self._place is not None
            self._world.admission.abandoned(self._place, self._began, self._lag)

    def _stops(self) -> bool:
        """End it; return whether it had begun."""
        state, self.state = self.state, "ended"
        if state == "runs":
            self._steps.close()
            if self in self._world.connections.waiting:
                self._world.connections.waiting.remove(self)
        elif state == "new":
            self._world.admission.withdraw(self, "its caller gave it up")
        return state == "runs"


def percentile(outcomes: list[Outcome], start: float, end: float, share: float = 0.99) -> float:
    """Return the latency of that share of the answers in that time."""
    took = sorted(it.took for it in outcomes if it.how == "answered" and start <= it.at < end)
    return took[int(len(took) * share)] if took else nan


@dataclass(frozen=True, slots=True)
class Measured:
    """A load, after a quiet time and before another. Times in seconds."""

    work: float
    """Answers, as a share of the capacity, when the limit had ``SETTLE`` seconds to find itself."""
    p99: float
    """Of these answers."""
    quiet: float
    """The p99 at half the capacity, before."""
    rise: float
    """Seconds until the p99 stays within three times the quiet one, and the work above 80 %."""
    recovery: float
    """Seconds after the load has fallen until all are answered, as soon as before."""


SETTLE: Final = 5.0


def measure(kind: Kind, load: float, *, seconds: float = 8.0, seed: int = 1, **more: Any) -> Measured:
    """Offer half of the capacity, then so many times all of it, then half again."""
    world, fall, end = World(kind, seed=seed, **more), QUIET + seconds, 2 * QUIET + seconds + 2.0
    world.offer(lambda now: CAPACITY * (load if QUIET <= now < fall else 0.5), end)
    world.run(end + 0.5)
    outcomes = world.outcomes
    quiet = percentile(outcomes, 0.0, QUIET)
    settled = [it for it in outcomes if it.how == "answered" and QUIET + SETTLE <= it.at < fall]
    rise = recovery = 0.0
    for start in range(int(QUIET * 2), int(end * 2)):
        window = [it for it in outcomes if start / 2 <= it.at < (start + 1) / 2]
        answered = sum(it.how == "answered" for it in window)
        good = percentile(window, 0.0, inf) <= 3 * quiet
        if start / 2 < fall and not (good and answered >= 0.8 * min(load, 1.0) * CAPACITY / 2):
            rise = (start + 1) / 2 - QUIET
        elif start / 2 >= fall and not (good and answered == len(window)):
            recovery = (start + 1) / 2 - fall
    return Measured(
        len(settled) / (seconds - SETTLE) / CAPACITY,
        percentile(outcomes, QUIET + SETTLE, fall),
        quiet,
        rise,
        recovery,
    )


@pytest.mark.parametrize("load", [2.0, 10.0])
@pytest.mark.parametrize("kind", KINDS)
def test_work_goes_on_and_is_done_soon_however_much_comes(kind: Kind, load: float) -> None:
    """More than 80 % of what can be done, within three times the quiet p99, and as before 5 s after the load fell."""
    seen = measure(kind, load)
    assert seen.work > 0.8
    assert seen.p99 <= 3 * seen.quiet
    assert seen.rise <= SETTLE
    assert seen.recovery < 5


def answered_in_time(world: World, start: float, end: float) -> float:
    """Return the share of the capacity that was."""
    answers = sum(it.how == "answered" and start <= it.at < end for it in world.outcomes)
    return answers / (end - start) / CAPACITY


def storm(kind: Kind, again: Retry | int, limit: Literal["adaptive", "off"] = "adaptive") -> World:
    """Offer 70 % of the capacity, five times the capacity from second 2 to 5, and 70 % again until second 10."""
    naive = isinstance(again, int)
    world = World(kind, limit=limit, again=again, patience=0.3 if naive else PATIENCE)
    world.offer(lambda now: CAPACITY * (5.0 if 2 <= now < 5 else 0.7), 10.0)
    world.run(10.0)
    return world


@pytest.mark.parametrize("again", [Retry(), 5], ids=["in a budget", "at once and five times"])
@pytest.mark.parametrize("kind", KINDS)
def test_retries_do_not_keep_a_server_down(kind: Kind, again: Retry | int) -> None:
    """Work goes on through the burst, and the next second but one all is as it was."""
    world = storm(kind, again)
    assert answered_in_time(world, 3.0, 5.0) > 0.75
    offered = sum(6.0 <= due < 9.0 for due in world.offered)
    late = [it for it in world.outcomes if it.how != "answered" and it.at >= 6.5]
    assert len(late) < 0.02 * offered
    if not isinstance(again, int):
        assert world.sent <= 1.2 * len(world.offered) + 100


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_limit_retries_keep_it_down(kind: Kind) -> None:
    """Long after the burst nearly nothing is answered in time: that is what the limit is for."""
    assert answered_in_time(storm(kind, 5, "off"), 7.0, 10.0) < 0.1


def test_a_server_that_starts_into_ten_times_its_capacity_finds_its_limit() -> None:
    """It has never seen a quiet time, and at first every call waits for a connection until its deadline."""
    world = World("share")
    world.offer(lambda now: 10 * CAPACITY, 16.0)
    world.run(16.0)
    assert answered_in_time(world, 14.0, 16.0) > 0.8
    assert percentile(world.outcomes, 14.0, 16.0) < 0.15


def test_of_what_came_while_the_process_was_stopped_next_to_nothing_is_refused() -> None:
    """It is stopped for a second, goes on for one, and so forth: each time a second's calls have come at once."""
    world = World("wait", cpu=0.0002, patience=10.0)
    world.offer(lambda now: 500.0, 10.0)
    world.run(12.0, iter([(second, 1.0) for second in (1.0, 3.0, 5.0, 7.0, 9.0)]))
    assert len(world.outcomes) == len(world.offered)
    refused = sum(it.how != "answered" for it in world.outcomes)
    assert refused <= 0.005 * len(world.offered)


def main() -> None:
    """Print the table of the docs."""
    print("| handler | load | answers ÷ capacity | p99, ms | p99 ÷ quiet | settled after, s | as before after, s |")
    print("|---|---|---|---|---|---|---|")
    for kind in KINDS:
        for load in (1.0, 1.2, 1.5, 2.0, 5.0, 10.0):
            seen = measure(kind, load, seconds=13.0)
            print(
                f"| {kind} | {load:g}× | {seen.work:.0%} | {seen.p99 * 1e3:.0f} | {seen.p99 / seen.quiet:.1f} "
                f"| {seen.rise:.1f} | {seen.recovery:.1f} |"
            )


if __name__ == "__main__":
    main()
