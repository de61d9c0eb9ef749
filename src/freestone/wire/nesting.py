"""How deep a MessagePack value is nested, found without recursion.

A decoder that recurses can be made to overflow its stack by a few thousand bytes of ``0x91``. What strangers may
nest is measured here first, with a counter for a stack.
"""

from __future__ import annotations

from typing import Final

from .reason import Reason, WireError

_BODY: Final = {
    0xC0: 0, 0xC2: 0, 0xC3: 0,
    0xCA: 4, 0xCB: 8,
    0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8,
    0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
    0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
}  # fmt: skip
"""Bytes that follow a tag of fixed size."""

_SIZED: Final = {0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1),
                 0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0)}  # fmt: skip
"""Tags of bin, ext and str: bytes of the size field, and bytes beyond that size."""

_CONTAINERS: Final = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
"""Tags of arrays and maps: bytes of the count field, and values for each counted element."""


_FLAT: Final = bytes(tag for tag in range(256) if not 0x80 <= tag <= 0x9F and tag not in _CONTAINERS)
"""The bytes that are no tag of an array or a map."""


def may_be_deeper(data: bytes, depth: int) -> bool:
    """Whether ``data`` could be deeper than that: there are no more levels than bytes that look like containers.

    It is much quicker than to walk through it, and enough for nearly all that is small.
    """
    return len(data.translate(None, _FLAT)) > depth


def check_nesting(data: bytes, depth: int) -> None:
    """Raise WireError if the one value in ``data`` is deeper than that, ends early, or is followed by more."""
    end, at = len(data), 0
    open_values = [1]
    while open_values:
        if not open_values[-1]:
            open_values.pop()
            continue
        open_values[-1] -= 1
        if at >= end:
            raise WireError(Reason.MALFORMED, "a MessagePack value ends early")
        at, inner = _step(data, at)
        if inner:
            if len(open_values) > depth:
                raise WireError(Reason.TOO_LARGE, f"a value is nested more than {depth} levels deep")
            open_values.append(inner)
    if at != end:
        raise WireError(Reason.MALFORMED, "a MessagePack value ends early" if at > end else "bytes follow the value")


def _step(data: bytes, at: int) -> tuple[int, int]:
    """Return the position after the tag at that position and its own bytes, and how many values follow inside."""
    tag = data[at]
    at += 1
    if tag <= 0x7F or tag >= 0xE0:
        return at, 0
    if tag <= 0x8F:
        return at, (tag & 0x0F) * 2
    if tag <= 0x9F:
        return at, tag & 0x0F
    if tag <= 0xBF:
        return at + (tag & 0x1F), 0
    if tag in _BODY:
        return at + _BODY[tag], 0
    if tag in _SIZED:
        width, more = _SIZED[tag]
        return at + width + more + int.from_bytes(data[at : at + width], "big"), 0
    if tag in _CONTAINERS:
        width, values = _CONTAINERS[tag]
        return at + width, values * int.from_bytes(data[at : at + width], "big")
    raise WireError(Reason.MALFORMED, f"0x{tag:02x} is not a tag of MessagePack")
