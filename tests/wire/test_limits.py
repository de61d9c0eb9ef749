"""Limits are checked when they are set, not when they are met."""

from __future__ import annotations

import pytest

from freestone.wire import Limits


def test_the_defaults_agree_with_each_other() -> None:
    """Limits() is valid, and has the values of the specification."""
    limits = Limits()
    assert (limits.frame, limits.calls, limits.depth) == (16 * 1024 * 1024, 16384, 100)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"calls": 0}, "the limit calls is 0; it must be positive"),
        ({"handshake": float("nan")}, "the limit handshake is nan; it must be positive"),
        ({"idle": 1.0}, "lost after 1.0 s of silence, before the ping at 1.0 s"),
        ({"frame": 10}, r"the limit frame is 10; it must be from 65536 \(hello\) to 2\*\*32 - 1"),
        ({"frame": 2**32}, "the limit frame is 4294967296"),
        ({"message": 2**20}, "frame, message and unfinished are 16777216, 1048576 and 268435456; none may be over the"),
        ({"unfinished": 2**26}, "frame, message and unfinished are 16777216, 134217728 and 67108864; none may be over"),
        ({"compress": 0}, "the limit compress is 0; it must be positive"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(values: dict[str, float], message: str) -> None:
    """The sentence names the limit."""
    with pytest.raises(ValueError, match=message):
        Limits(**values)  # type: ignore[arg-type]
