"""W3C Trace Context: the headers by which programs of any kind tell each other to which trace a request belongs.

Level 1 is a recommendation, level 2 (which adds the flag for random ids) a candidate. What is invalid is ignored, as
both demand: a header of somebody else's making never fails a call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, final

import msgspec

SAMPLED: Final = 0x01
"""The flag of a trace that whoever began it may have recorded."""
RANDOM: Final = 0x02
"""The flag of a trace whose id is random in its last seven bytes (level 2)."""
MAX_STATE: Final = 512
"""Characters of ``tracestate`` that are passed on; what is over them is left out, member by member."""

_KNOWN_FLAGS = SAMPLED | RANDOM
_PARENT = r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
_MEMBER = (
    r"(?P<key>[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
    r"=(?P<value>[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])"
)
_DIGITS = "0123456789abcdef"
_NO_SPAN = "0" * 16
_MOST_MEMBERS = 32
_LONG_MEMBER = 128


@final
class TraceParent(msgspec.Struct, frozen=True):
    """What ``traceparent`` says: the trace, the span that the request comes from, and flags."""

    trace_id: str
    """32 lower-case hexadecimal digits, not all of them zero."""
    span_id: str
    """16 of them."""
    flags: int = 0

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags & _KNOWN_FLAGS:02x}"


def parse_traceparent(text: str) -> TraceParent | None:
    """Return what the header says, None if it is invalid.

    A later version is read as far as it is known: it may go on after the flags.

    >>> parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").span_id
    'b7ad6b7169203331'
    """
    text = text.strip(" \t")
    found = re.match(_PARENT, text)
    if found is None or found["version"] == "ff":
        return None
    rest = text[found.end() :]
    if rest and (found["version"] == "00" or not rest.startswith("-")):
        return None
    if not found["trace"].strip("0") or not found["span"].strip("0"):
        return None
    return TraceParent(found["trace"], found["span"], int(found["flags"], 16) & _KNOWN_FLAGS)


def parse_tracestate(headers: Iterable[str]) -> str:
    """Return the members of all headers of that name as one text, empty if they are invalid.

    When that is longer than 512 characters, members of more than 128 are left out first, then the last ones.

    >>> parse_tracestate(["rojo=00f067aa0ba902b7 , ", "congo=t61rcWkgMzE"])
    'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'
    """
    written = [member.strip(" \t") for header in headers for member in header.split(",")]
    members = [member for member in written if member]
    found = [re.fullmatch(_MEMBER, member) for member in members]
    keys = {match["key"] for match in found if match is not None}
    if len(keys) != len(members) or len(members) > _MOST_MEMBERS:
        return ""
    return ",".join(_fitting(members))


def is_span_id(value: object) -> bool:
    """Whether it is 16 lower-case hexadecimal digits, not all of them zero."""
    return isinstance(value, str) and len(value) == 16 and not value.strip(_DIGITS) and value != _NO_SPAN


def _fitting(members: list[str]) -> list[str]:
    """Leave out members until the rest has room, as the recommendation says (section 3.3.1.5)."""
    kept = list(members)
    while kept and len(",".join(kept)) > MAX_STATE:
        long = [place for place, member in enumerate(kept) if len(member) > _LONG_MEMBER]
        del kept[long[-1] if long else -1]
    return kept
