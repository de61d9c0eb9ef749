"""Lanes and watermark together, held to what a subscription promises, in any interleaving and through any crash.

The model is a subscription whose database is a few sets: what an event does, that it was taken in, and what is kept are
changed together, as in a transaction. What runs, fails, crashes, is due or is written down is for Hypothesis to choose.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freestone.events import Cursor, Envelope, Recorded
from freestone.events.aside import TRANSITIONS, Happening, State, after_failure, blocking, wait
from freestone.events.lanes import Lanes, Work
from freestone.events.watermark import Watermark

TRIES = 2


def recorded(number: int, key: str) -> Recorded:
    envelope = Envelope(
        id=str(number), type="a.B", source="/a/a", subject=key, time=datetime(2026, 1, 1, tzinfo=UTC), version=1,
        data=b"",
    )  # fmt: skip
    return Recorded(envelope, Cursor("log", number))


@dataclass
class Row:
    number: int
    key: str
    state: State
    tries: int


@dataclass
class Model:
    """A subscription, and what its database has of it."""

    keys: list[str]
    on_failure: str
    width: int
    effects: list[int] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    rows: list[Row] = field(default_factory=list)
    written: Cursor | None = None
    begun_at_once: int = 0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin, or begin anew after a crash: nothing is left but the database."""
        self.lanes = Lanes(self.width, room=6)
        self.mark = Watermark(self.written)
        self.read = 0 if self.written is None else self.written.position
        self.running: list[Work] = []

    def take(self) -> None:
        """Read the next event, if there is room."""
        if self.read < len(self.keys) and self.lanes.has_room:
            self.read += 1
            event = recorded(self.read, self.keys[self.read - 1])
            assert self.mark.begin(event.cursor)
            if self.read in self.taken:
                self.mark.done(event.cursor)
            else:
                self.lanes.offer(event)

    def begin(self) -> None:
        work = self.lanes.next()
        if work is not None:
            assert work.key not in {it.key for it in self.running}
            self.running.append(work)
            assert len(self.running) <= self.width

    def end(self, which: int, fails: bool, rejects: bool) -> None:
        """End a piece of work: the event is handled, or it fails, or it has to wait."""
        if not self.running:
            return
        work = self.running.pop(which % len(self.running))
        if work.recorded is None:
            self.retry(work.key, fails, rejects)
        else:
            self.handle(work, fails, rejects)
            self.mark.done(work.recorded.cursor)
        self.lanes.end(work, self.blocks(work.key))

    def handle(self, work: Work, fails: bool, rejects: bool) -> None:
        assert work.recorded is not None
        number = work.recorded.cursor.position
        blocked = self.blocks(work.key) if work.blocked is None else work.blocked
        # Only a person changes that behind the lane's back: by letting it go on, or by reviving what it had skipped.
        assert blocked or not self.blocks(work.key) or work.key in self.revived
        if number in self.taken:
            return
        self.taken.add(number)
        if blocked:
            self.rows.append(Row(number, work.key, State.WAITING, 0))
            self.reach(work.key)
        elif fails:
            state = TRANSITIONS[None, after_failure(1, TRIES, rejected=rejects)]
            assert state is not None
            self.rows.append(Row(number, work.key, state, 1))
        else:
            self.effects.append(number)

    def retry(self, key: str, fails: bool, rejects: bool) -> None:
        row = next((it for it in self.rows if it.key == key and it.state is State.RETRYING), None)
        if row is None:
            return
        if not fails:
            self.rows.remove(row)
            self.effects.append(row.number)
            self.reach(key)
            return
        row.tries += 1
        state = TRANSITIONS[row.state, after_failure(row.tries, TRIES, rejected=rejects)]
        assert state is not None
        row.state = state
        if row.state is State.ASIDE:
            self.reach(key)

    def person(self, which: int, drops: bool) -> None:
        """Somebody has an event tried again that is aside, or dropped."""
        aside = [it for it in self.rows if it.state is State.ASIDE]
        if aside:
            row = aside[which % len(aside)]
            state = TRANSITIONS[row.state, Happening.DROPPED if drops else Happening.RETRIED]
            if state is None:
                self.rows.remove(row)
                self.dropped.add(row.number)
                self.reach(row.key)
            else:
                row.state, row.tries = state, 0
                if self.on_failure == "skip":
                    self.revived.add(row.key)

    dropped: set[int] = field(default_factory=set)
    revived: set[str] = field(default_factory=set)
    """The keys that have skipped an event which a person had tried again; its order among them is given up."""

    def blocks(self, key: str) -> bool:
        states = blocking(self.on_failure)  # type: ignore[arg-type]
        return any(it.key == key and it.state in states for it in self.rows)

    def reach(self, key: str) -> None:
        states = blocking(self.on_failure)  # type: ignore[arg-type]
        first = next((it for it in self.rows if it.key == key and it.state in states), None)
        if first is not None and first.state is State.WAITING:
            first.state = State.RETRYING

    def wake(self) -> None:
        for row in self.rows:
            if row.state is State.RETRYING:
                self.lanes.wake(row.key, 0)

    def write(self) -> None:
        self.written = self.mark.cursor

    def check(self) -> None:
        """What must hold at every moment."""
        if self.mark.cursor is not None:
            assert set(range(1, self.mark.cursor.position + 1)) <= self.taken
        assert len(set(self.effects)) == len(self.effects)
        kept = {it.number for it in self.rows}
        assert kept.isdisjoint(self.effects)
        assert self.taken == kept | set(self.effects) | self.dropped
        if self.on_failure == "wait":
            for key in set(self.keys):
                own = [number for number in self.effects if self.keys[number - 1] == key]
                assert own == sorted(own)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "begin", "begin", "end", "end", "end", "wake", "write", "crash", "person"]),
        st.integers(0, 7),
        st.booleans(),
        st.booleans(),
    ),
    max_size=120,
)


@settings(max_examples=400, deadline=None)
@given(
    keys=st.lists(st.sampled_from("abc"), max_size=12),
    on_failure=st.sampled_from(["wait", "skip"]),
    width=st.integers(1, 3),
    steps=STEPS,
)
def test_no_event_is_lost_or_done_twice_or_out_of_order(
    keys: list[str], on_failure: str, width: int, steps: list[tuple[str, int, bool, bool]]
) -> None:
    """Whatever fails, crashes or is done in between, and the cursor never passes what is neither handled nor kept."""
    model = Model(keys, on_failure, width)
    for step, which, fails, other in steps:
        match step:
            case "take":
                model.take()
            case "begin":
                model.begin()
            case "end":
                model.end(which, fails, other)
            case "wake":
                model.wake()
            case "write":
                model.write()
            case "crash":
                model.start()
            case _:
                model.person(which, other)
        model.check()

    for _ in range(40 * (len(keys) + 1)):  # then all goes well, and a person has everything tried again
        model.take()
        model.begin()
        model.end(0, fails=False, rejects=False)
        model.person(0, drops=False)
        model.wake()
        model.check()
    assert sorted({*model.effects, *model.dropped}) == list(range(1, len(keys) + 1))
    assert model.rows == []
    assert len(model.lanes) == model.lanes.running == 0


def test_keys_take_turns() -> None:
    """A key with many events holds up no other."""
    lanes = Lanes(width=2, room=100)
    for number, key in enumerate("aaaabc", 1):
        lanes.offer(recorded(number, key))
    order: list[str] = []
    while (work := lanes.next()) is not None:
        order.append(work.key)
        lanes.end(work, False)
    assert order == ["a", "b", "c", "a", "a", "a"]


def test_what_is_dropped_leaves_what_runs() -> None:
    """A partition that is given away has its running work ended as ever, and nothing begun."""
    lanes = Lanes(width=1, room=3)
    for number in (1, 2, 3):
        lanes.offer(recorded(number, "a"))
    work = lanes.next()
    assert work is not None
    assert not lanes.has_room
    lanes.drop((0,))
    assert len(lanes) == 1
    lanes.end(work, None)
    assert len(lanes) == 0
    assert lanes.next() is None


@given(tries=st.integers(1, 200), first=st.floats(0.001, 1000), chance=st.floats(0, 0.999))
def test_a_wait_is_bounded_and_spread(tries: int, first: float, chance: float) -> None:
    """At least half of what it may be, which doubles with each try up to five minutes."""
    whole = min(max(first, 300.0), first * 2.0 ** min(tries - 1, 60))
    assert whole / 2 <= wait(tries, first, chance) <= whole


@pytest.mark.parametrize(("tries", "rejected", "expected"), [
    (1, False, Happening.FAILED), (2, False, Happening.FAILED), (3, False, Happening.GAVE_UP),
    (1, True, Happening.GAVE_UP),
])  # fmt: skip
def test_an_event_is_tried_so_often(tries: int, rejected: bool, expected: Happening) -> None:
    """Or once, if its handler rejects it."""
    assert after_failure(tries, 3, rejected=rejected) is expected


def test_every_state_can_be_left() -> None:
    """An event that is kept is handled, or dropped by a person, whatever it is."""
    for state in State:
        reached = {state}
        for _ in State:
            reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached and after is not None}
        assert (State.RETRYING, Happening.HANDLED) in TRANSITIONS
        assert State.RETRYING in reached
        assert TRANSITIONS[state, Happening.DROPPED] is None


@given(st.permutations(range(1, 9)))
def test_the_cursor_is_before_the_first_open_event(order: list[int]) -> None:
    """In whichever order they are done; what was begun is not begun again."""
    watermark = Watermark(None)
    for position in range(1, 9):
        assert watermark.begin(Cursor("log", position))
    assert not watermark.begin(Cursor("log", 5))
    done: set[int] = set()
    for position in order:
        watermark.done(Cursor("log", position))
        done.add(position)
        expected = next(it for it in range(9) if it + 1 not in done)
        assert (watermark.cursor.position if watermark.cursor else 0) == expected
    assert watermark.is_settled
