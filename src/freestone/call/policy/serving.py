"""What a process takes on at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, final

import msgspec

LimitKind: TypeAlias = Literal["adaptive", "fixed", "off"]
LIMIT_KINDS: Final[tuple[LimitKind, ...]] = ("adaptive", "fixed", "off")


@final
class Serving(msgspec.Struct, frozen=True):
    """The bounds on the calls that come to a process over the wire, as ``[serve]`` in ``freestone.toml`` sets them."""

    limit: LimitKind = "adaptive"
    """Whether the limit finds itself, is always ``calls``, or does not exist: then nothing waits or is refused."""
    calls: int = 10_000
    """Calls in flight at most."""
    queue: int = 1000
    """Calls that wait at most."""
    wait: float = 1.0
    """Seconds that a call waits at most in a burst, as after the process stood still for a while."""
    methods: Mapping[str, int] = msgspec.field(default_factory=dict[str, int])
    """Calls in flight of single operations at most, as ``{"progress.complete": 10}``."""
