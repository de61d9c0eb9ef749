"""How a service's settings are made from what was found for them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from freestone.errors import ConfigurationError
from freestone.service import Given, Misfit, Secret, Settings, misfits, settings_from


class IdentitySettings(Settings):
    password: Secret
    """Signs sessions."""
    session_days: int = 30
    """How long a learner stays signed in, in days."""
    wait: timedelta = timedelta(seconds=10)
    ports: tuple[int, ...] = ()
    open: bool = False


class Checked(Settings):
    low: int = 1
    high: int = 2

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


PASSWORD = Given("x")


def mistakes(given: dict[str, Given]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        settings_from(IdentitySettings, given, name="identity", ways={"password": "put it into a file"})
    return [str(mistake) for mistake in caught.value.mistakes]


def test_defaults_hold_where_nothing_is_said() -> None:
    """Only what has none must be given."""
    found = settings_from(IdentitySettings, {"password": PASSWORD})

    assert (found.session_days, found.wait, found.ports) == (30, timedelta(seconds=10), ())


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


def test_values_and_texts_become_what_their_fields_are() -> None:
    """A value of TOML has a type already; a text is read."""
    given = {"password": PASSWORD, "session_days": Given(7), "wait": Given("5m"), "open": Given("1", is_text=True)}

    found = settings_from(IdentitySettings, given)

    assert found == IdentitySettings(
        password=Secret("x"), session_days=7, wait=timedelta(minutes=5), open=True
    )  # fmt: skip


def test_every_problem_is_listed() -> None:
    """Unknown, missing, unreadable and wrong ones, each with where it is from."""
    found = mistakes(
        {
            "session_day": Given(7, file="freestone.toml"),
            "wait": Given("soon", is_text=True, source="the environment variable WAIT"),
            "ports": Given("80,http", is_text=True, source="the secret file", file="/run/secrets/ports"),
            "session_days": Given(None, file="/run/secrets/days", problem="it can't be read"),
            "open": Given(3),
        },
    )

    assert found == [
        "identity.password: it is missing; put it into a file",
        'freestone.toml: identity.session_day: IdentitySettings has no such field; did you mean "session_days"?',
        "identity.wait, from the environment variable WAIT: "
        'it is no duration, such as "250ms", "10s", "2m" or a number of seconds',
        "/run/secrets/ports: identity.ports, from the secret file: "
        "it does not fit: expected `int`, got `str` - at `$[1]`",
        "/run/secrets/days: identity.session_days: it can't be read",
        "identity.open: it does not fit: expected `bool`, got `int`",
    ]


def test_what_misfits_is_told_without_what_is_missing() -> None:
    """For whoever knows one of the places, and not the others."""
    assert misfits(IdentitySettings, {"open": Given(True)}) == []
    assert misfits(Checked, {"low": Given("a"), "zzz": Given(1)}) == [
        Misfit("low", "it does not fit: expected `int`, got `str`"),
        Misfit("zzz", "Checked has no such field", "the fields are low, high"),
    ]


def test_a_record_without_fields_has_none_to_propose() -> None:
    """And says so."""
    with pytest.raises(ConfigurationError, match="Empty has no such field; there are no fields"):
        settings_from(type("Empty", (Settings,), {}), {"zzz": Given(1)})


def test_a_record_may_check_itself() -> None:
    """Its own sentence is the message."""
    with pytest.raises(ConfigurationError) as caught:
        settings_from(Checked, {"low": Given(3)})

    assert str(caught.value) == "Checked: low is above high"
