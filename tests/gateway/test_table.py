"""Which route answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freestone.gateway.pattern import Pattern
from freestone.gateway.table import Found, NotAllowed, Table

segments = st.sampled_from(["a", "b", "{x}", "{y}"])
patterns = st.lists(segments, max_size=4).filter(lambda it: it.count("{x}") < 2 and it.count("{y}") < 2)


def table_of(*lines: str) -> Table[str]:
    table: Table[str] = Table()
    for line in lines:
        method, path = line.split()
        assert table.add(method, Pattern.parse(path), line) is None
    return table


def test_text_comes_before_a_parameter_in_any_order() -> None:
    """The more specific route answers, whichever was declared first."""
    table = table_of("GET /paths/{path}", "GET /paths/new")
    assert table.find("GET", ("paths", "new")) == Found("GET /paths/new", ())
    assert table.find("GET", ("paths", "other")) == Found("GET /paths/{path}", ("other",))


def test_a_branch_that_leads_nowhere_is_left_again() -> None:
    """A prefix that matches in text does not hide the route that matches as a whole."""
    table = table_of("GET /a/b/c", "GET /{x}/b/{y}")
    assert table.find("GET", ("a", "b", "d")) == Found("GET /{x}/b/{y}", ("a", "d"))


def test_a_less_specific_route_has_the_method() -> None:
    """DELETE of a path whose text route has only GET goes to the route with a parameter."""
    table = table_of("GET /paths/new", "DELETE /paths/{path}")
    assert table.find("DELETE", ("paths", "new")) == Found("DELETE /paths/{path}", ("new",))


def test_a_wrong_method_is_told_the_right_ones() -> None:
    """All methods of all routes that match the path are named."""
    table = table_of("GET /paths/new", "DELETE /paths/{path}", "PUT /paths/{path}")
    assert table.find("POST", ("paths", "new")) == NotAllowed(("DELETE", "GET", "PUT"))


def test_nothing_is_found_at_an_unknown_path() -> None:
    """Neither a longer, a shorter nor an empty segment matches."""
    table = table_of("GET /paths/{path}")
    for path in ((), ("paths",), ("paths", ""), ("paths", "a", "b"), ("other", "a")):
        assert table.find("GET", path) is None


def test_a_route_is_added_once() -> None:
    """The second of one shape and one method is not taken, and the first is returned."""
    table = table_of("GET /{a}")
    assert table.add("GET", Pattern.parse("/{b}"), "second") == "GET /{a}"
    assert table.routes == ["GET /{a}"]


@given(st.lists(patterns, max_size=8), st.lists(st.sampled_from(["a", "b", "c"]), max_size=4))
def test_a_route_is_found_if_and_only_if_one_matches(lines: list[list[str]], path: list[str]) -> None:
    """The tree agrees with comparing the path to each pattern in turn."""
    table: Table[list[str]] = Table()
    for line in lines:
        table.add("GET", Pattern.parse("/" + "/".join(line)), line)

    def matches(line: list[str]) -> bool:
        return len(line) == len(path) and all(a.startswith("{") or a == b for a, b in zip(line, path, strict=True))

    found = table.find("GET", path)
    assert isinstance(found, Found) == any(map(matches, lines))
    if isinstance(found, Found):
        assert matches(found.route)
        assert list(found.values) == [b for a, b in zip(found.route, path, strict=True) if a.startswith("{")]
