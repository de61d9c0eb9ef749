"""How long something takes, as people write it."""

import pytest

from academy.catalog.document.duration import minutes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("40 minutes", 40),
        ("40 min", 40),
        ("40 mins.", 40),
        ("40m", 40),
        ("1 minute", 1),
        ("40′", 40),
        ("1 h 20 min", 80),
        ("1h20", 80),
        ("1h 20m", 80),
        ("1 hour and 20 minutes", 80),
        ("1 hour, 20 minutes", 80),
        ("2 hours", 120),
        ("1.5 hours", 90),
        ("1,5 h", 90),
        ("~40 minutes", 40),
        ("About  40   Minutes", 40),
        ("approx. 2 hrs", 120),
    ],
)
def test_reads_the_usual_spellings(text: str, expected: int) -> None:
    """A duration is read in minutes and hours, long or short, whole or in parts."""
    assert minutes(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("40", "the duration “40” has no unit; write “40 minutes”"),
        ("a while", "“a while” is not a duration such as “40 minutes” or “1 h 20 min”"),
        ("", "“” is not a duration such as “40 minutes” or “1 h 20 min”"),
        ("40-45 minutes", "“40-45 minutes” is not a duration such as “40 minutes” or “1 h 20 min”"),
        ("-5 minutes", "“-5 minutes” is not a duration such as “40 minutes” or “1 h 20 min”"),
        ("0 minutes", "the duration “0 minutes” is not between 1 minute and 100 hours"),
        ("101 hours", "the duration “101 hours” is not between 1 minute and 100 hours"),
    ],
)
def test_says_why_it_cannot_read_others(text: str, reason: str) -> None:
    """What is no duration is refused with a reason; nothing is guessed."""
    with pytest.raises(ValueError, match="duration") as caught:
        minutes(text)
    assert str(caught.value) == reason
