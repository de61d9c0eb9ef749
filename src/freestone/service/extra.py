"""What a call carries besides its deadline, its identity and its trace id. Most calls carry nothing of it.

A context without any has None in its place, so that an ordinary call pays for none of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, final

NO_FIELDS: Final[Mapping[str, bytes]] = MappingProxyType({})


@final
class Extra:
    """The rest of a call's context. It is not changed once it is made."""

    __slots__ = ("encoded", "fields", "flags", "given_key", "known", "span_id", "state")

    def __init__(
        self,
        *,
        span_id: str | None = None,
        flags: int = 0,
        state: str = "",
        fields: Mapping[str, bytes] = NO_FIELDS,
        known: Mapping[Any, Any] | None = None,
        given_key: str | None = None,
    ) -> None:
        self.span_id = span_id
        """The span that the call comes from, 16 hexadecimal digits; None if nobody has said."""
        self.flags = flags
        """Those of W3C Trace Context."""
        self.state = state
        """The ``tracestate`` of W3C Trace Context."""
        self.fields = fields
        """The context fields by name, as MessagePack; also those that nobody here has declared."""
        self.known: dict[Any, Any] = dict(known or {})
        """The values of those that were looked at, by their declaration."""
        self.given_key = given_key
        """The idempotency key of the command that is called next; it goes no further than there."""
        self.encoded: tuple[int, bytes] | None = None
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
            span_id=self.span_id, flags=self.flags, state=self.state, fields=self.fields, known=self.known,
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
