"""How one value becomes what its field is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freestone.service import Secret
from freestone.service.conversion import from_text, from_value


class Level(Enum):
    EASY = "easy"
    HARD = "hard"


class Retry(msgspec.Struct, frozen=True):
    pause: timedelta
    key: Secret | None = None


SECONDS = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (int, 7, 7),
        (bool, True, True),
        (float, 1, 1.0),
        (Level, "hard", Level.HARD),
        (date, date(2026, 1, 2), date(2026, 1, 2)),
        (timedelta, "250ms", 0.25 * SECONDS),
        (timedelta, "1.5h", 5400 * SECONDS),
        (timedelta, 3, 3 * SECONDS),
        (timedelta, 0.5, 0.5 * SECONDS),
        (Annotated[timedelta, "how long"], "1s", SECONDS),
        (timedelta | None, "2d", timedelta(days=2)),
        (timedelta | None, None, None),
        (tuple[str, ...], ["a", "b"], ("a", "b")),
        (tuple[timedelta, ...], [1, "5m"], (SECONDS, 300 * SECONDS)),
        (tuple[int, timedelta], [1, "1s"], (1, SECONDS)),
        (dict[str, timedelta], {"a": "1s"}, {"a": SECONDS}),
        (Retry, {"pause": "1s", "key": "k"}, Retry(SECONDS, Secret("k"))),
        (Secret, "hunter2", Secret("hunter2")),
        (Secret | None, "hunter2", Secret("hunter2")),
        (Path, "/var/lib", Path("/var/lib")),
    ],
)
def test_a_value_of_toml_becomes_what_its_field_is(kind: Any, value: object, expected: object) -> None:
    """Durations too, wherever they are in it."""
    assert from_value(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (str, "7", "7"),
        (int, "7", 7),
        (bool, "true", True),
        (bool, "0", False),
        (float, "0.25", 0.25),
        (Level, "hard", Level.HARD),
        (date, "2026-01-02", date(2026, 1, 2)),
        (timedelta, "10s", 10 * SECONDS),
        (timedelta, "10", 10 * SECONDS),
        (tuple[str, ...], "a, b", ("a", "b")),
        (tuple[str, ...], '["a, b"]', ("a, b",)),
        (tuple[str, ...], "[::1]:80,[::1]:81", ("[::1]:80", "[::1]:81")),
        (tuple[str, ...], "", ()),
        (tuple[int, ...], "80,443", (80, 443)),
        (frozenset[int] | None, "80,443", frozenset({80, 443})),
        (tuple[timedelta, ...], "1s,5m", (SECONDS, 300 * SECONDS)),
        (tuple[Secret, ...], "a,b", (Secret("a"), Secret("b"))),
        (Retry, '{"pause": "1s", "key": "k"}', Retry(SECONDS, Secret("k"))),
        (Secret, "12", Secret("12")),
        (Path | None, "/var/lib", Path("/var/lib")),
    ],
)
def test_a_text_becomes_what_its_field_is(kind: Any, text: str, expected: object) -> None:
    """As a variable or a secret file has it."""
    assert from_text(kind, text) == expected


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (int, "7", "it does not fit: expected `int`, got `str`"),
        (int, 1.5, "it does not fit: expected `int`, got `float`"),
        (bool, 1, "it does not fit: expected `bool`, got `int`"),
        (tuple[str, ...], "a,b", "it does not fit: expected `array`, got `str`"),
        (tuple[int, ...], [80, "x"], "it does not fit: expected `int`, got `str` - at `$[1]`"),
        (tuple[Level, ...], ["middle"], "it does not fit: invalid enum value - at `$[0]`"),
        (Literal["a", "b"], "c", "it does not fit: invalid enum value"),
        (Literal["it's"], "c's", "it does not fit: invalid enum value"),
        (Literal[1, 2], 3, "it does not fit: invalid enum value"),
        (Secret, 5, "it does not fit: expected `str`, got `int`"),
        (Retry, {"pause": "1s", "key": 5}, "it does not fit: expected `str`, got `int` - at `$.key`"),
        (timedelta, "soon", 'it is no duration, such as "250ms", "10s", "2m" or a number of seconds'),
        (timedelta, True, 'it is no duration, such as "250ms", "10s", "2m" or a number of seconds'),
        (timedelta, -1, "a duration is not negative, and has an end"),
        (complex, "1j", "it does not fit: a setting can't be a complex"),
    ],
)  # fmt: skip
def test_a_value_of_toml_that_does_not_fit_is_refused(kind: Any, value: object, sentence: str) -> None:
    """It has a type already, so that a text is not taken for a number."""
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        from_value(kind, value)


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        (int, "seven", "it does not fit: expected `int`, got `str`"),
        (tuple[int, ...], "80,http", "it does not fit: expected `int`, got `str` - at `$[1]`"),
        (Retry, "{", "it does not fit: expected `object`, got `str`"),
        (Retry, "{}", "it does not fit: object missing required field `pause`"),
        (int, "\udcff", "it is not UTF-8"),
    ],
)
def test_a_text_that_can_not_be_read_is_refused(kind: Any, text: str, sentence: str) -> None:
    """With where in it the problem is."""
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        from_text(kind, text)


def refusal(convert: Callable[[Any, Any], object], kind: Any, value: object) -> str:
    """Return what is said about a value; nothing if it fits."""
    try:
        convert(kind, value)
    except ValueError as error:
        return str(error)
    return ""


@settings(deadline=None)
@given(
    text=st.text(st.characters() | st.sampled_from("'`$-\n ")).map("hunter{}hunter".format)
    | st.sampled_from(["hunter' - at `$.hunter`", "hunter, hunter", '["hunter"]', '{"pause": "hunter"}'])
)
def test_no_refusal_shows_a_value(text: str) -> None:
    """It may be a secret that was put in the wrong place."""
    for kind in (int, bool, timedelta, Level, Literal["a"], date, Retry, tuple[Level, ...], dict[str, Level]):
        for value in (text, [text], {"a": text}, {"pause": text}):
            assert "hunter" not in refusal(from_value, kind, value)
        assert "hunter" not in refusal(from_text, kind, text)
