"""When a group is committed: the rules, for any course of events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freestone.data.group import MOST, Commits, Holds, Next, decide

seconds = st.floats(min_value=0, max_value=10)
owners = st.sampled_from(["quick", "slow", "new"])


def known(quick: float = 0.0001, slow: float = 0.5) -> Holds:
    holds = Holds()
    holds.learn("quick", quick)
    holds.learn("slow", slow)
    return holds


def commits(*taken: float) -> Commits:
    made = Commits()
    for it in taken:
        made.learn(it)
    return made


@given(st.integers(0, 200), seconds, st.none() | owners, st.lists(seconds, max_size=5))
def test_nobody_is_forgotten(kept: int, age: float, waiting: str | None, taken: list[float]) -> None:
    """If somebody waits for a commit or for a turn, something is done; if nobody does, nothing is."""
    step = decide(commits(*taken), known(), kept, age, waiting)
    assert (step is Next.REST) == (kept == 0 and waiting is None)
    if step is Next.ADMIT:
        assert waiting is not None
    if step is Next.COMMIT:
        assert kept > 0


@given(st.integers(1, 200), seconds, st.lists(seconds, max_size=5))
def test_a_group_is_committed_when_nobody_waits(kept: int, age: float, taken: list[float]) -> None:
    """Whoever is alone waits for nobody."""
    assert decide(commits(*taken), known(), kept, age, None) is Next.COMMIT


@given(owners, st.lists(seconds, max_size=5))
def test_whoever_finds_nobody_waiting_for_a_commit_is_let_in(waiting: str, taken: list[float]) -> None:
    """Slow or not, there is nobody to be delayed."""
    assert decide(commits(*taken), known(), 0, 0.0, waiting) is Next.ADMIT


@given(st.integers(1, 200), seconds, st.lists(seconds, max_size=5))
def test_a_slow_owner_delays_no_commit(kept: int, age: float, taken: list[float]) -> None:
    """It is let in after the commit, if it holds the connection longer than one takes; and so is an unknown one."""
    made = commits(*taken)
    assert decide(made, known(slow=made.seconds + 1), kept, age, "slow") is Next.COMMIT
    assert decide(made, known(), kept, age, "new") is Next.COMMIT


@given(st.integers(0, 1000), st.lists(st.floats(0, 0.02), max_size=5))
def test_a_group_has_an_end_however_many_come(quick: int, taken: list[float]) -> None:
    """Neither its members nor the time for which the oldest waits grow without bound."""
    made = commits(*taken)
    assert decide(made, known(), MOST, 0.0, "quick") is Next.COMMIT
    assert decide(made, known(), 1, 0.1, "quick") is Next.COMMIT
    assert decide(made, known(), 1, 0.0, "quick") is Next.ADMIT


def test_on_a_slow_disk_more_may_join() -> None:
    """The oldest waits for up to four commits, and 5 ms where that is less."""
    assert decide(commits(0.001), known(), 1, 0.006, "quick") is Next.COMMIT
    assert decide(commits(0.010), known(), 1, 0.030, "quick") is Next.ADMIT


@given(st.lists(seconds, min_size=1))
def test_a_long_hold_is_believed_at_once_and_forgotten_slowly(holds: list[float]) -> None:
    """What is expected is never less than the last one, nor more than the longest."""
    learned = Holds()
    for it in holds:
        learned.learn("x", it)
    expected = learned.expected("x")
    assert expected is not None
    assert holds[-1] <= expected <= max(holds)


def test_what_is_known_of_owners_is_bounded() -> None:
    """Names of leases may be made up without end."""
    learned = Holds()
    for number in range(2500):
        learned.learn(f"the lease {number}", 0.1)
    assert len(learned._seconds) <= 1000
