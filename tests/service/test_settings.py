"""How a service's settings are made from what is configured."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freestone.errors import ConfigurationError
from freestone.service import Secret, Settings, settings_from


class Level(Enum):
    EASY = "easy"
    HARD = "hard"


class IdentitySettings(Settings):
    password: Secret
    """Signs sessions."""
    session_days: int = 30
    """How long a learner stays signed in, in days."""
    wait: timedelta = timedelta(seconds=10)
    hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    pauses: tuple[timedelta, ...] = ()
    open: bool = False
    ratio: float = 0.5
    level: Level = Level.EASY
    proxy: Secret | None = None
    grace: timedelta | None = None
    directory: Path | None = None


class Checked(Settings):
    low: int = 1
    high: int = 2

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


def made(**values: object) -> IdentitySettings:
    return settings_from(IdentitySettings, {"password": "x", **values}, {})


def mistakes(values: dict[str, object], origin: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        settings_from(IdentitySettings, values, origin or {})
    return [str(mistake) for mistake in caught.value.mistakes]


def test_defaults_hold_where_nothing_is_said() -> None:
    """Only what has none must be given."""
    found = made()

    assert (found.session_days, found.wait, found.level) == (30, timedelta(seconds=10), Level.EASY)


def test_settings_are_frozen_and_by_name() -> None:
    """Without each record's saying so; a field without a default may follow one that has it."""

    class Late(Settings):
        limit: int = 3
        name: str

    assert Late(name="a").limit == 3
    with pytest.raises(AttributeError, match="immutable"):
        Late(name="a").limit = 4  # type: ignore[misc]
    with pytest.raises(TypeError):
        Late("a")  # type: ignore[call-arg,arg-type]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("session_days", 7, 7),
        ("session_days", "7", 7),
        ("open", True, True),
        ("open", "true", True),
        ("open", "0", False),
        ("ratio", 1, 1.0),
        ("ratio", "0.25", 0.25),
        ("level", "hard", Level.HARD),
        ("wait", "250ms", timedelta(milliseconds=250)),
        ("wait", "1.5h", timedelta(minutes=90)),
        ("wait", 3, timedelta(seconds=3)),
        ("wait", 0.5, timedelta(seconds=0.5)),
        ("grace", "2d", timedelta(days=2)),
        ("hosts", ["a", "b"], ("a", "b")),
        ("hosts", "a, b", ("a", "b")),
        ("hosts", "", ()),
        ("ports", "80,443", (80, 443)),
        ("pauses", "1s,5m", (timedelta(seconds=1), timedelta(minutes=5))),
        ("pauses", [1, "5m"], (timedelta(seconds=1), timedelta(minutes=5))),
        ("password", "hunter2", Secret("hunter2")),
        ("proxy", "hunter2", Secret("hunter2")),
        ("directory", "/var/lib", Path("/var/lib")),
    ],
)
def test_a_value_becomes_what_its_field_is(name: str, value: object, expected: object) -> None:
    """Whether it is a value of TOML, or a text of the environment or of a file."""
    assert getattr(made(**{name: value}), name) == expected


def test_every_problem_is_listed() -> None:
    """Unknown, missing and wrong ones, each with where it is from."""
    found = mistakes(
        {"session_day": 7, "wait": "soon", "ports": "80,http", "open": 3},
        {"session_day": "freestone.toml", "wait": "FREESTONE_IDENTITY_WAIT", "ports": "/run/secrets/ports"},
    )

    assert found == [
        "freestone.toml: IdentitySettings.session_day: there is no such setting; did you mean session_days?",
        "IdentitySettings.password: Secret: it is missing; set it; it has no default",
        "FREESTONE_IDENTITY_WAIT: IdentitySettings.wait: timedelta: it is no duration, as 250ms, 10s, 5m, 2h or 30d",
        "/run/secrets/ports: IdentitySettings.ports: tuple[int, ...]: it does not fit: expected int, got str - at $[1]",
        "IdentitySettings.open: bool: it does not fit: expected bool, got int",
    ]


def test_an_unknown_name_that_is_near_none_leads_to_all() -> None:
    """A list is short enough to read."""
    with pytest.raises(ConfigurationError, match="there is low, high"):
        settings_from(Checked, {"zzz": 1}, {})
    with pytest.raises(ConfigurationError, match="it has no settings"):
        settings_from(type("Empty", (Settings,), {}), {"zzz": 1}, {})


def test_texts_are_taken_for_numbers_only_where_they_are_texts() -> None:
    """In TOML a number is a number; a text there that should be one is refused only if it can't be read as one."""
    assert mistakes({"password": "x", "session_days": "seven"}) == [
        "IdentitySettings.session_days: int: it does not fit: expected int, got str"
    ]
    assert mistakes({"password": "x", "session_days": 1.5}) == [
        "IdentitySettings.session_days: int: it does not fit: expected int, got float"
    ]


def test_a_record_may_check_itself() -> None:
    """Its own sentence is the message."""
    with pytest.raises(ConfigurationError) as caught:
        settings_from(Checked, {"low": 3}, {"low": "freestone.toml"})

    assert str(caught.value) == "freestone.toml: Checked: low is above high"


@settings(deadline=None)
@given(value=st.text().map("hunter".__add__) | st.lists(st.text().map("hunter".__add__), min_size=1) | st.integers())
def test_no_message_shows_a_value(value: Any) -> None:
    """It may be a secret that was put in the wrong place."""
    for name in ("ports", "open", "password", "proxy", "wait", "level"):
        message = ""
        try:
            made(**{name: value})
        except ConfigurationError as error:
            message = str(error)
        assert "hunter" not in message
