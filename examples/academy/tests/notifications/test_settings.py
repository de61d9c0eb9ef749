"""How letters are sent, and when."""

from __future__ import annotations

import pytest

from academy.notifications.settings import NotificationsSettings, check
from freestone import Secret
from freestone.errors import ConfigurationError


def test_there_is_nothing_to_set_up() -> None:
    """The defaults are right."""
    check(NotificationsSettings())


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """Each with its key and what to write."""
    wrong = NotificationsSettings(
        time="late", timezone="Mars/Base", sender="Academy", site="academy.org", smtp_user="me", smtp_starttls=False,
        smtp_password=Secret("x"),
    )  # fmt: skip
    with pytest.raises(ConfigurationError) as caught:
        check(wrong)
    text = str(caught.value)
    for part in (
        "settings.notifications.time",
        "“late” is no time of the day",
        "there is no time zone “Mars/Base”",
        "“Academy” is no sender",
        "“academy.org” is no address of a web site",
        "a password would be sent in plain text",
    ):
        assert part in text
