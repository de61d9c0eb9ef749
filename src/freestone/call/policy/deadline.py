"""How long a call may take, when nobody has said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import msgspec


@final
class Deadlines(msgspec.Struct, frozen=True):
    """The limits that ``freestone.toml`` sets on the duration of calls."""

    default: float = 10.0
    """Seconds for a call that is made under no deadline."""
    methods: Mapping[str, float] = msgspec.field(default_factory=dict[str, float])
    """Seconds for single operations, as ``{"progress.complete": 2.0}``; a caller's nearer deadline stays."""
    services: Mapping[str, float] = msgspec.field(default_factory=dict[str, float])
    """Seconds for the other operations of a service, by its name."""

    def limit(self, operation: str) -> float | None:
        """Return the seconds that the operation is limited to, or None if it has no limit of its own."""
        limit = self.methods.get(operation)
        return self.services.get(operation.rpartition(".")[0]) if limit is None else limit

    def end(self, operation: str, now: float, given: float | None) -> float:
        """Return when a call that is made now is over, if its caller was given until ``given``."""
        limit = self.limit(operation)
        if given is None:
            return now + (self.default if limit is None else limit)
        return given if limit is None else min(given, now + limit)
