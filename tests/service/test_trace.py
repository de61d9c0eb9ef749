"""The headers of W3C Trace Context: what is valid is read, what is not is ignored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.service import MAX_STATE, TraceParent, is_span_id, parse_traceparent, parse_tracestate

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

hexadecimal = st.sampled_from("0123456789abcdef")
trace_ids = st.text(hexadecimal, min_size=32, max_size=32).filter(lambda text: text.strip("0") != "")
span_ids = st.text(hexadecimal, min_size=16, max_size=16).filter(lambda text: text.strip("0") != "")
keys = st.from_regex(r"[a-z][a-z0-9_*/-]{0,20}", fullmatch=True)
values = st.from_regex(r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,40}[\x21-\x2b\x2d-\x3c\x3e-\x7e]", fullmatch=True)


@given(trace_ids, span_ids, st.integers(0, 3))
def test_what_is_written_is_read(trace: str, span: str, flags: int) -> None:
    """The header is as long as the recommendation says."""
    parent = TraceParent(trace, span, flags)
    assert len(str(parent)) == 55
    assert parse_traceparent(str(parent)) == parent


@given(st.text())
def test_any_text_is_read_or_ignored(text: str) -> None:
    """A header never fails a request."""
    parsed = parse_traceparent(text)
    assert parsed is None or parse_traceparent(str(parsed)) == parsed
    state = parse_tracestate([text])
    assert parse_tracestate([state]) == state


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"00-{TRACE}-{SPAN}",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"01-{TRACE}-{SPAN}-01more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0x",
    ],
)
def test_an_invalid_parent_is_ignored(text: str) -> None:
    """As the recommendation's own examples are."""
    assert parse_traceparent(text) is None


@pytest.mark.parametrize(
    "text", [f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-will-be", f" 00-{TRACE}-{SPAN}-f9 "]
)
def test_a_later_version_is_read_as_far_as_it_is_known(text: str) -> None:
    """Its unknown flags are not passed on."""
    assert parse_traceparent(text) == TraceParent(TRACE, SPAN, 1)


@given(st.lists(st.tuples(keys, values), max_size=8, unique_by=lambda pair: pair[0]))
def test_members_keep_their_order(members: list[tuple[str, str]]) -> None:
    """Also when they come in several headers, with spaces around them."""
    written = [f"{key}={value.lstrip()}" for key, value in members if value.lstrip()]
    together = parse_tracestate([f" {member}\t, " for member in written])
    if len(",".join(written)) <= MAX_STATE:
        assert together == ",".join(written)


@pytest.mark.parametrize(
    "text",
    [
        "key",
        "key=",
        "Key=a",
        "key=a=b",
        "1key=a",
        "key=a,key=b",
        f"{'k' * 257}=a",
        f"k={'v' * 257}",
        "k=\x7f",
        "a@bcdefghijklmnop=1",
    ],
)
def test_an_invalid_state_is_ignored(text: str) -> None:
    """All of it: nobody can tell what was meant."""
    assert parse_tracestate([f"other=1,{text}"]) == ""


def test_a_key_may_belong_to_a_tenant_of_a_system() -> None:
    """The form with an at sign."""
    assert parse_tracestate(["1tenant@system=a"]) == "1tenant@system=a"


def test_there_are_at_most_32_members() -> None:
    """The recommendation's limit."""
    assert parse_tracestate([f"k{n}=1" for n in range(32)]).count(",") == 31
    assert parse_tracestate([f"k{n}=1" for n in range(33)]) == ""


def test_of_a_long_state_the_long_members_are_left_out_first() -> None:
    """Then the last ones; what is left fits."""
    long = "long=" + "v" * 200
    short = [f"k{n}={'v' * 50}" for n in range(12)]
    state = parse_tracestate([long, *short])
    assert len(state) <= MAX_STATE
    assert "long" not in state
    assert state.split(",") == short[: len(state.split(","))]


@pytest.mark.parametrize(
    ("value", "expected"), [(SPAN, True), ("0" * 16, False), (SPAN.upper(), False), (7, False), ("", False)]
)
def test_a_span_id_is_known_by_its_form(value: object, expected: bool) -> None:
    """16 lower-case digits, not all of them zero."""
    assert is_span_id(value) is expected
