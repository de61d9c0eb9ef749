"""How many calls a process serves at a time: a limit that finds itself, from how long calls take.

Theory of operation. Calls that hinder each other take longer the more of them there are, be it for the processor or
for something that they all wait for; then fewer at a time get as much done, and each of them sooner. Calls that wait
for another service take longer when that service does, and to serve fewer of them helps nobody. Latency alone does
not tell the two apart. So there are two grounds for lowering the limit:

- *The loop lags.* A call that may run waits for its turn behind others. That is this process's own doing, beyond doubt,
  and the limit falls to what keeps latency near the usual.
- *Latency grew, and the loop does not lag.* The limit is held at what is in flight, and then lowered somewhat, as a
  trial. If less gets done by it, the cause is elsewhere: the limit is put back, and what calls take now is the usual
  from then on. What their deadline ended was not done.

Where next to nothing is done, as all calls wait for the same things until their deadlines, a trial has nothing to lose:
it leaves so few in flight that they hinder nobody. If still nothing is done, what they wait for hangs; the limit is put
back, and that is tried again only now and then.

Neither is taken from calls that were under way when the process stood still, stopped or paused with its machine.

What is usual is known for each operation by itself, without the wait for the first turn, so that neither a change in
the mix of calls nor a start under full load is mistaken. The limit rises while latency is flat. One that stays in use
gets a trial now and then even so, in case the usual was learnt under overload.

Related: gradient and Vegas limits (Netflix, concurrency-limits, 2018), which know one latency for all calls; periodic
measuring of the least latency (Envoy, adaptive concurrency), which pays for it while nothing is wrong.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Final, final

_TOLERANCE: Final = 1.5
"""Times the usual that calls may take before the limit falls."""
_SLACK: Final = 0.001
"""Seconds that a call may take beyond that: less is noise."""
_CALLS: Final = 20
_WINDOW: Final = 0.1
"""A window is judged when it has so many calls and is so many seconds long; one of a trial, at least as long as calls
take.
"""
_PROVEN: Final = 0.2
"""The share of latency that is lag, above which the process itself is the cause."""
_FALL: Final = 0.7
"""What the first trial makes of the limit at most; those after one that did no harm may make it ``_HALF``."""
_HALF: Final = 0.5
_DONE: Final = 0.87
"""A trial has done no harm if so much is done as before; where it does harm, it is as little as ``_FALL``."""
_STRONG: Final = 0.5
"""A gradient below needs no second window to be believed."""
_ENDED: Final = 0.9
"""Latency is not flat if fewer calls than that end before their deadline."""
_HARDLY: Final = 0.05
"""If fewer calls than that end before their deadline, nothing is lost by a trial that leaves next to none in flight."""
_MODEST: Final = 8
"""No trial goes below: a few calls at a time hinder nobody much, and chance would refuse them too often."""
_PROBE: Final = 20
"""Windows in use, with flat latency, until a trial is made even so; twice as many after each in vain."""
_PROBE_MOST: Final = 640

_HALT: Final = 0.125
"""Seconds in which no call ends, beyond what one takes as usual, from which on the process has stood still."""


@final
class Pace:
    """How long calls of one operation take, in seconds without the wait for their first turn."""

    __slots__ = ("_calls", "_seconds", "usual")

    def __init__(self) -> None:
        self.usual: float | None = None
        """The mean while nothing is wrong; None before the first window."""
        self._calls = 0
        self._seconds = 0.0

    @property
    def fresh(self) -> bool:
        """Whether the current window has no call of it."""
        return not self._calls

    def add(self, seconds: float, calls: int = 1) -> None:
        """Take note of a call, or of some that took so long together."""
        self._calls += calls
        self._seconds += seconds

    def expected(self) -> float:
        """Return the seconds that the calls of this window would have taken as usual."""
        return self._seconds if self.usual is None else self.usual * self._calls

    def learn(self, *, anew: bool, rising: bool) -> None:
        """End the window, and move the usual towards it: all the way if ``anew``, upwards only if ``rising``."""
        mean = self._seconds / self._calls
        if anew or self.usual is None:
            self.usual = mean
        elif mean < self.usual:
            self.usual += 0.3 * (mean - self.usual)
        elif rising:
            self.usual += 0.01 * (mean - self.usual)
        self.end()

    def end(self) -> None:
        """End the window, and learn nothing from it."""
        self._calls, self._seconds = 0, 0.0


@final
class AdaptiveLimit:
    """The limit, between ``least`` and ``most``. It starts at ``most`` and falls when there is reason to.

    Raises ValueError unless 1 <= least <= most.
    """

    __slots__ = (
        "_bad", "_calls", "_cut_at", "_done", "_ended", "_endured", "_excused", "_flat", "_held", "_in_flight", "_lag",
        "_paces", "_patience", "_peak", "_seconds", "_share", "_since", "_trial", "least", "most", "value",
    )  # fmt: skip

    def __init__(self, most: int = 1000, least: int = 4) -> None:
        if not 1 <= least <= most:
            raise ValueError(f"a limit between {least} and {most} is none; it needs 1 <= least <= most")
        self.least = least
        self.most = most
        self.value = most
        """Calls that may be in flight now."""
        self._cut_at = -inf
        self._ended = -inf  # when a call ended last; what began before the first did is passed over, as after a halt
        self._excused = False  # whether a halt was, since the last window that was judged
        self._trial: float | None = None  # how much was done before the trial that is under way
        self._held: int | None = None  # the limit to return to if a trial does harm, once it is held
        self._share = 1.0  # how many calls end before their deadline, as is known to be no fault of the limit
        self._endured = 0  # windows until that is doubted
        self._bad = 0
        self._flat = 0
        self._patience = _PROBE
        self._paces: list[Pace] = []
        self._since = -inf
        self._calls = 0
        self._done = 0
        self._in_flight = 0
        self._peak = 0
        self._seconds = 0.0
        self._lag = 0.0

    def record(self, pace: Pace, began: float, now: float, lag: float, in_flight: int, done: bool = True) -> bool:
        """Take note of a call that ended; return whether the limit has changed.

        It was let in at ``began``, waited ``lag`` seconds for its first turn, and ``in_flight`` calls were under way
        when it ended, itself included. One that was ended by its deadline took its time, and is not ``done``.
        """
        return self.record_all(pace, 1, began, now, now - began, lag, in_flight, int(done))

    def record_all(
        self, pace: Pace, calls: int, began: float, now: float, seconds: float, lag: float, in_flight: int, done: int
    ) -> bool:
        """Take note of calls of one operation that ended shortly after each other; return as ``record`` does.

        The last of them was let in at ``began``; ``seconds`` and ``lag`` are those of all together, of which ``done``
        were done.
        """
        silent, self._ended = now - self._ended, now
        if silent > _HALT and silent > _HALT + (pace.usual or 0.0) and not self._excused:
            self._excused = True  # what happens again and again is how things are
            self._cut_at = now
            self._clear()
        if began < self._cut_at:
            return False  # it tells of a time when more were in flight, or nothing was done
        if not self._calls:
            self._since = now  # after a cut, nothing begins until fewer are in flight
        if pace.fresh:
            self._paces.append(pace)
        pace.add(seconds - lag, calls)
        self._calls += calls
        self._seconds += seconds
        self._lag += lag
        self._done += done
        self._in_flight += in_flight * calls
        if in_flight > self._peak:
            self._peak = in_flight
        passed = now - self._since
        if self._calls < _CALLS or passed < _WINDOW:
            return False
        if self._held is not None and passed * self._calls < 0.9 * self._seconds:
            return False  # what is seen yet is how things change, not how they are
        before = self.value
        self._judge(now)
        self._clear()
        self._excused = False
        return self.value != before

    # --- inside

    def _judge(self, now: float) -> None:
        """Decide at the end of a window."""
        expected = sum(pace.expected() for pace in self._paces)
        # A clock that is coarser than the calls may say that they took no time at all.
        gradient = (_TOLERANCE * expected + _SLACK * self._calls) / self._seconds if self._seconds > 0 else inf
        share = self._done / self._calls
        done = self._done / (now - self._since)
        if share < _ENDED * self._suspected(share):
            gradient = min(gradient, share)
        trial, self._trial = self._trial, None
        if trial is not None:
            if done < _DONE * trial or share < _HARDLY:
                self._give_up(share)
                return
            self._held = self.value
        if gradient >= 1:
            self._rest(now, done, helped=trial is not None)
        elif self._lag > _PROVEN * self._seconds:
            self._learn()
            self._cut(now, self.least, max(_HALF, gradient))
        elif share < _HARDLY:
            if self._held is None:
                self._held = self.value
            self._try(now, done, 0.0)
        elif self._held is not None:
            self._try(now, done, max(_FALL if trial is None else _HALF, gradient))
        else:
            self._learn()
            self._bad += 1 if gradient > _STRONG else 2
            if self._bad > 1:
                self._held = self.value
                self._cut(now, max(self.least, _MODEST), 1.0)

    def _rest(self, now: float, done: float, *, helped: bool) -> None:
        """Latency is flat: rise. Nothing is the matter, or a little more can be tried."""
        used = self._peak >= 0.8 * self.value
        self._learn(rising=not used)
        if self._held is not None:
            self.value = max(self.value, self._held)
        self._bad, self._held = 0, None
        self._flat = self._flat + 1 if used else 0
        if helped:  # go on in that direction
            self._flat = self._patience
        if self.value > _MODEST and self._flat >= self._patience:
            self._flat = 0
            self._held = self.value
            self._try(now, done, _FALL)
        else:
            self.value = min(self.most, self.value + max(1, int(sqrt(self.value)), self.value // 4))

    def _cut(self, now: float, least: int, factor: float) -> None:
        used = min(self.value, self._in_flight / self._calls)
        self.value = min(self.value, max(least, int(used * factor)))
        self._cut_at = now

    def _try(self, now: float, done: float, factor: float) -> None:
        """Lower the limit, to see whether less gets done."""
        before = self.value
        self._cut(now, max(self.least, _MODEST), factor)
        if self.value < before:
            self._trial = done

    def _suspected(self, share: float) -> float:
        """Return the share of calls that should end before their deadline; what a trial did not mend, for a while."""
        self._endured -= 1
        if share >= _ENDED or self._endured < 0:
            self._share = 1.0
        return self._share

    def _give_up(self, share: float) -> None:
        """The trial did harm, or no good: put the limit back, for this is how long calls take, and how many end."""
        self._learn(anew=True)
        self._share, self._endured = share, self._patience if share > _HARDLY else _PROBE
        if self._held is not None:
            self.value = self._held
        self._held = None
        self._bad = self._flat = 0
        self._patience = min(2 * self._patience, _PROBE_MOST)

    def _learn(self, *, anew: bool = False, rising: bool = False) -> None:
        for pace in self._paces:
            pace.learn(anew=anew, rising=rising)

    def _clear(self) -> None:
        for pace in self._paces:
            pace.end()
        self._paces = []
        self._calls = self._done = self._in_flight = self._peak = 0
        self._seconds = self._lag = 0.0
