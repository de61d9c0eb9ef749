"""The arguments of a call as they are typed."""

from __future__ import annotations

from typing import Any

import pytest

from freestone.cli.arguments import parse_arguments
from freestone.cli.failure import UsageMistake


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("x=ada", "ada"),
        ("x=30", "30"),
        ("x=true", "true"),
        ("x=null", None),
        ('x="30"', "30"),
        ('x=["a", 1]', ["a", 1]),
        ('x={"a": {"b": null}}', {"a": {"b": None}}),
        ("x={a}", "{a}"),
        ("x=a=b", "a=b"),
        ("x=", ""),
        ("x=NaN", "NaN"),
    ],
)
def test_a_value_is_json_where_that_matters_and_text_otherwise(word: str, value: Any) -> None:
    """Numbers stay text: the contract knows whether a number or a name is meant."""
    assert parse_arguments([word]) == {"x": value}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["ada"], '"ada" is no argument; write NAME=VALUE'),
        (["=ada"], '"=ada" is no argument; write NAME=VALUE'),
        (["a b=c"], '"a b=c" is no argument; write NAME=VALUE'),
        (["x=1", "x=2"], '"x" is given twice'),
    ],
)
def test_what_is_no_argument_is_refused(words: list[str], sentence: str) -> None:
    """With what to write instead."""
    with pytest.raises(UsageMistake) as raised:
        parse_arguments(words)
    assert str(raised.value) == sentence
