"""The seam to where a service keeps what its commands came to, so that each takes effect once."""

from __future__ import annotations

from typing import Protocol, final

import msgspec


@final
class Stored(msgspec.Struct, frozen=True):
    """What a command came to."""

    fingerprint: bytes
    """The digest of its arguments."""
    body: bytes
    """Its reply, or its error, as MessagePack."""
    failed: bool
    """Whether it is an error."""


class Replies(Protocol):
    """Keeps them by scope and key: a scope is an operation, and on whose behalf it was called."""

    async def prepare(self) -> None:
        """Make ready what the others need. Called before each command, and outside of any transaction."""
        ...

    async def recall(self, scope: str, key: str) -> Stored | None:
        """Return what is kept, or None. It is no part of the handler's transaction. Raises ServiceError."""
        ...

    async def remember(self, scope: str, key: str, stored: Stored) -> bool:
        """Keep it in the transaction of the handler that runs here, with which it lasts or is gone.

        Returns False, and keeps nothing, if something is kept under that key.
        """
        ...

    async def settle(self, scope: str, key: str, stored: Stored) -> Stored:
        """Keep it for a handler whose transaction was undone, and return what is kept under that key now.

        That is something else if somebody was faster. Raises ServiceError if it can't be kept.
        """
        ...
