"""What is learned of statements: which are worth no trip to a thread."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freestone.data.driver import reads
from freestone.data.pace import QUICK, SLOW, Pace

QUICKLY, SLOWLY, BETWEEN = QUICK / 2, SLOW * 2, (QUICK + SLOW) / 2


def runs_until_quick(pace: Pace, text: str = "x") -> int:
    count = 0
    while not pace.is_quick(text):
        pace.learn(text, QUICKLY)
        count += 1
    return count


def test_three_quick_runs_are_believed() -> None:
    """Nothing is run at once that was not seen to be quick."""
    pace = Pace()
    assert runs_until_quick(pace) == 3


def test_a_slow_run_takes_twice_as_many_the_next_time() -> None:
    """3, 6, 12 and so on, up to 96; so what is slow now and then is seldom run at once."""
    pace = Pace()
    wanted = []
    for _ in range(7):
        wanted.append(runs_until_quick(pace))
        pace.learn("x", SLOWLY)
    assert wanted == [3, 6, 12, 24, 48, 96, 96]


def test_many_quick_runs_make_a_slow_one_forgotten() -> None:
    """A busy machine makes any statement slow once."""
    pace = Pace()
    for _ in range(20):
        runs_until_quick(pace)
        for _ in range(128):
            pace.learn("x", QUICKLY)
        pace.learn("x", SLOWLY)
        assert runs_until_quick(pace) == 6


@given(st.lists(st.sampled_from([QUICKLY, SLOWLY, BETWEEN])))
def test_a_statement_is_quick_only_after_its_last_three_telling_runs_were(runs: list[float]) -> None:
    """Whatever came before: after a slow run the thread has it for a while."""
    pace = Pace()
    for seconds in runs:
        pace.learn("x", seconds)
    telling = [seconds for seconds in runs if seconds != BETWEEN]
    if pace.is_quick("x"):
        assert telling[-3:] == [QUICKLY] * 3


@given(st.lists(st.text(max_size=3), max_size=50))
def test_what_is_known_is_bounded(texts: list[str]) -> None:
    """An application that makes its statements from what it is given fills nothing."""
    pace = Pace()
    for number in range(1500):
        pace.learn(f"{number}", QUICKLY)
    for text in texts:
        pace.learn(text, QUICKLY)
    assert len(pace._known) <= 1000


def test_only_what_surely_reads_may_be_stopped() -> None:
    """A statement that begins with WITH may write."""
    assert reads("\n  select a from t")
    assert not reads("WITH n AS (SELECT 1) INSERT INTO t SELECT * FROM n")
    assert not reads("INSERT INTO t SELECT 1 RETURNING id")
