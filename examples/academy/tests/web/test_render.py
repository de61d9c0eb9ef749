"""How values are written on pages."""

from __future__ import annotations

from datetime import datetime

import pytest

from academy.web.render import count, date, duration

SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0, "0 min"), (1, "1 min"), (59, "59 min"), (60, "1 h"), (61, "1 h 1 min"), (285, "4 h 45 min"), (1500, "25 h")],
)
def test_a_duration_is_written_as_people_say_it(minutes, text):
    """Hours and minutes, never broken over two lines."""
    assert duration(minutes) == text.replace(" ", SPACE)


def test_one_of_a_thing_is_no_plural():
    """0 and 2 are."""
    assert [count(number, "phase") for number in (0, 1, 2)] == ["0 phases", "1 phase", "2 phases"]


def test_a_day_is_written_in_words():
    """No reader has to guess which number is the month."""
    assert date(datetime(2026, 3, 7)) == "7 March 2026"
