from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.contract import seconds, shown


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("250ms", 0.25),
        ("10s", 10.0),
        ("1.5s", 1.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        (3, 3.0),
        (0.5, 0.5),
        ("5 s", 5.0),
        ("2d", 172800.0),
        (0, 0.0),
    ],
)
def test_a_duration_is_a_number_with_a_unit_or_a_number_of_seconds(written: object, expected: float) -> None:
    assert seconds(written) == expected


@pytest.mark.parametrize("written", ["10", "ten", "10 days", "-1s", "", True, None, [], "1e3s"])
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"^it is no duration, such as"):
        seconds(written)


@pytest.mark.parametrize("written", [-1, float("inf"), float("nan"), 10**400, "9" * 400 + "d"])
def test_a_duration_is_not_negative_and_finite(written: object) -> None:
    with pytest.raises(ValueError, match=r"^a duration is not negative, and has an end$"):
        seconds(written)


@given(st.integers(min_value=1, max_value=10_000_000).map(lambda milliseconds: milliseconds / 1000))
def test_what_is_shown_is_read_as_the_same(duration: float) -> None:
    assert seconds(shown(duration)) == pytest.approx(duration, rel=1e-5)
