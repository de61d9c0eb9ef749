from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.app.document import Document, spelled
from freestone.errors import ConfigurationError

PATH = Path("freestone.toml")


def test_a_syntax_error_is_told_with_its_line() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Document(PATH, 'name = "a"\n[services\n')
    assert str(caught.value).startswith("freestone.toml:2: freestone.toml: it is no TOML: expected ']'")


def test_a_syntax_error_at_the_end_has_the_last_line() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Document(PATH, 'name = "a"\nservices = [')
    assert str(caught.value).startswith("freestone.toml:2: ")


def test_a_file_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "freestone.toml"
    file.write_bytes(b'name = "a"\n# caf\xe9\n')
    with pytest.raises(ConfigurationError, match=r"freestone.toml:2: .*it is not UTF-8"):
        Document.open(file)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "freestone.toml"
    file.write_bytes(b'\xef\xbb\xbfname = "a"\n')
    assert Document.open(file).values == {"name": "a"}


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read: Is a directory"):
        Document.open(tmp_path)


TEXT = '''# name = "in a comment"
name = "academy"

text = """
hidden = 1
[hidden]
"""
[services]
catalog = "a:B"          # catalog
payments = { contract = "p:P", at = "x" }

[topologies . split]
edge = { gateway = true }
[calls.methods]
"progress.complete" = { deadline = "2s" }
'a b'.deadline = 3
'''


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("name",), 2),
        (("services",), 8),
        (("services", "catalog"), 9),
        (("services", "payments", "at"), 10),
        (("topologies", "split"), 12),
        (("topologies", "split", "edge", "gateway"), 13),
        (("calls", "methods", "progress.complete"), 15),
        (("calls", "methods", "a b", "deadline"), 16),
        (("hidden",), 0),
        (("nothing",), 0),
        (("services", "missing"), 8),
    ],
)
def test_each_key_has_its_line_or_that_of_its_table(keys: tuple[str, ...], line: int) -> None:
    assert Document(PATH, TEXT).line(keys) == line


def test_keys_are_spelled_as_toml_does() -> None:
    assert spelled(("calls", "methods", "progress.complete")) == 'calls.methods."progress.complete"'


@pytest.mark.parametrize(
    ("value", "found"),
    [("1", "an integer"), ("1.5", "a number"), ("true", "true or false"), ("[1]", "a list"), ("2020-01-01", "a date")],
)
def test_a_wrong_type_is_told_with_the_right_one(value: str, found: str) -> None:
    document = Document(PATH, f"name = {value}")
    assert document.root().text("name", "default") == "default"
    assert found in str(document.mistakes[0])
    assert "it must be a text" in str(document.mistakes[0])


def test_a_truth_value_is_no_integer() -> None:
    document = Document(PATH, "replicas = true")
    assert document.root().integer("replicas", 1) == 1
    assert "it must be an integer, and is true or false" in str(document.mistakes[0])


def test_a_key_that_nobody_asked_for_is_unknown_and_the_nearest_is_proposed() -> None:
    document = Document(PATH, "\nservces = 1")
    root = document.root()
    root.table("services")
    root.refuse_unknown()
    assert str(document.mistakes[0]) == 'freestone.toml:2: servces: there is no such key; did you mean "services"?'


@given(st.text())
def test_any_text_is_read_or_refused_with_our_error(text: str) -> None:
    with contextlib.suppress(ConfigurationError):
        Document(PATH, text)


_NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)


@given(st.lists(_NAMES, unique=True, min_size=1, max_size=5))
def test_the_line_of_any_quoted_key_is_found(names: list[str]) -> None:
    quoted = ['"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in names]
    document = Document(PATH, "".join(f"{name} = 1\n" for name in quoted))
    assert [document.line((name,)) for name in names] == list(range(1, len(names) + 1))
