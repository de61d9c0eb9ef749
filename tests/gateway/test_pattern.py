"""The paths of routes, and the paths of requests."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.gateway.pattern import Pattern, path_segments
from freestone.gateway.problems import Refused

names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
texts = st.from_regex(r"[a-z0-9.~-]{1,8}", fullmatch=True)


@given(st.lists(st.one_of(texts, names.map("{{{}}}".format)), unique=True))
def test_a_pattern_reads_as_it_was_written(segments: list[str]) -> None:
    """Writing a pattern out gives back its text, and its parameters are those in braces, from left to right."""
    path = "/" + "/".join(segments)
    pattern = Pattern.parse(path)
    assert str(pattern) == path
    assert pattern.parameters == tuple(it[1:-1] for it in segments if it.startswith("{"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("paths", 'it does not begin with "/"'),
        ("", 'it does not begin with "/"'),
        ("/paths/", 'it has an empty segment ("//", or "/" at its end)'),
        ("/a//b", 'it has an empty segment ("//", or "/" at its end)'),
        ("/{a}/{a}", "it has the parameter {a} twice"),
        ("/x-{a}", 'a parameter is a whole segment, as {path}, and "x-{a}" is not'),
        ("/{a b}", 'a parameter is a whole segment, as {path}, and "{a b}" is not'),
    ],
)
def test_a_wrong_pattern_is_refused_with_the_reason(path: str, message: str) -> None:
    """The error says what is wrong with the path."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Pattern.parse(path)


def test_patterns_that_differ_in_names_alone_have_one_shape() -> None:
    """A request can't tell ``{a}`` from ``{b}``."""
    assert Pattern.parse("/x/{a}").shape == Pattern.parse("/x/{b}").shape == "/x/{}"


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1))
def test_any_text_survives_as_a_segment(segments: list[str]) -> None:
    """What is percent-encoded into a path is found again, slashes and all."""
    raw = "/" + "/".join(quote(segment, safe="") for segment in segments)
    scope = {"path": "/not/used", "raw_path": raw.encode()}
    assert path_segments(scope) == tuple(segments)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"path": "/", "raw_path": b"/"}, ()),
        ({"path": "/a/b", "raw_path": b"/a/b?c=d"}, ("a", "b")),
        ({"path": "/a/b"}, ("a", "b")),
        ({"path": "/"}, ()),
        ({"path": "/api/a", "raw_path": b"/api/a", "root_path": "/api"}, ("a",)),
        ({"path": "/api", "raw_path": b"/api", "root_path": "/api"}, ()),
    ],
)
def test_a_path_is_split_below_the_root(scope: dict[str, Any], expected: tuple[str, ...]) -> None:
    """The query string and the part that belongs to the server before us are no segments."""
    assert path_segments(scope) == expected


def test_a_path_that_is_not_utf8_is_refused() -> None:
    """Bytes that decode to nothing don't become some other text."""
    with pytest.raises(Refused, match="the path is not percent-encoded UTF-8"):
        path_segments({"path": "/\ufffd", "raw_path": b"/%ff"})
