"""The depth of a value, measured without recursion."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.wire import Reason, WireError
from freestone.wire.nesting import check_nesting, may_be_deeper

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(), inner, max_size=20),
)


def depth_of(value: Any) -> int:
    """Count the levels of containers that hold something."""
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    return 1 + max(map(depth_of, inner)) if inner else 0


@given(VALUES)
def test_a_value_passes_at_its_own_depth_and_not_below(value: Any) -> None:
    """The limit is the number of levels that are allowed."""
    data, depth = msgspec.msgpack.encode(value), depth_of(value)
    check_nesting(data, depth)
    if depth:
        with pytest.raises(WireError, match=f"nested more than {depth - 1} levels"):
            check_nesting(data, depth - 1)


@given(VALUES, st.integers(0, 8))
def test_what_need_not_be_walked_through_is_no_deeper(value: Any, depth: int) -> None:
    """The quick look may be wrong about what is flat, and never about what is deep."""
    if depth_of(value) > depth:
        assert may_be_deeper(msgspec.msgpack.encode(value), depth)


@given(st.binary(max_size=64))
def test_what_the_decoder_reads_the_check_passes(data: bytes) -> None:
    """Any bytes pass or are a violation; what is valid MessagePack passes."""
    try:
        check_nesting(data, 100)
    except WireError:
        with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError, NotImplementedError, TypeError)):
            msgspec.msgpack.decode(data)


@pytest.mark.parametrize("big", ["x" * 70_000, b"x" * 70_000, ["x"] * 70_000, {str(i): i for i in range(70_000)}])
def test_long_values_are_stepped_over(big: Any) -> None:
    """Sizes of 32 bits are read too."""
    check_nesting(msgspec.msgpack.encode([big]), 3)


@pytest.mark.parametrize("data", [b"\x93\xc0", b"\xa5abc", b"\xdd\xff\xff\xff\xff", b"", b"\xda\x00", b"\xce\x00"])
def test_a_value_that_ends_early_is_malformed(data: bytes) -> None:
    """Whatever a count promises, nothing is reserved for it."""
    with pytest.raises(WireError, match="ends early") as caught:
        check_nesting(data, 100)
    assert caught.value.reason is Reason.MALFORMED


def test_bytes_after_the_value_are_malformed() -> None:
    """There is one value, and no more."""
    with pytest.raises(WireError, match="bytes follow the value"):
        check_nesting(b"\xc0\xc0", 100)
