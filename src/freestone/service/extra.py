"""What a call carries besides its deadline, its identity and its trace id. Most calls carry nothing of it.

A context without any has None in its place, so that an ordinary call pays for none of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, final

import msgspec

NO_FIELDS: Final[Mapping[str, bytes]] = MappingProxyType({})


@final
class Extra(msgspec.Struct, kw_only=True, eq=False):
    """The rest of a call's context. It is not changed once it is made."""

    span_id: str | None = None
    """The span that the call comes from, 16 hexadecimal digits; None if nobody has said."""
    flags: int = 0
    """Those of W3C Trace Context."""
    state: str = ""
    """The ``tracestate`` of W3C Trace Context."""
    fields: Mapping[str, bytes] = NO_FIELDS
    """The context fields by name, as MessagePack; also those that nobody here has declared."""
    known: dict[Any, Any] = {}
    """The values of those that were looked at, by their declaration."""
    given_key: str | None = None
    """The idempotency key of the command that is called next; it goes no further than there."""
    encoded: tuple[int, bytes] | None = None
    """For whoever puts it into a header: what that came to."""

    def with_field(self, declared: Any, name: str, data: bytes, value: Any) -> Extra:
        """Return one that has that field too."""
        return Extra(
            span_id=self.span_id, flags=self.flags, state=self.state, fields={**self.fields, name: data},
            known={**self.known, declared: value}, given_key=self.given_key,
        )  # fmt: skip

    def with_key(self, key: str | None) -> Extra:
        """Return one that gives the next command that key."""
        return Extra(
            span_id=self.span_id, flags=self.flags, state=self.state, fields=self.fields, known=dict(self.known),
            given_key=key,
        )  # fmt: skip

    def onward(self) -> Extra | None:
        """Return what a callee has of it, and passes on; None if that is nothing."""
        if self.given_key is None:
            return self
        if self.span_id is None and not self.flags and not self.state and not self.fields:
            return None
        return self.with_key(None)


NOTHING: Final = Extra()
