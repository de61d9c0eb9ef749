"""What goes wrong with a lease."""

from __future__ import annotations

from freestone.errors import Aborted, Cancelled


class LeaseTaken(Aborted):
    """Somebody else has the lease, and nothing was done."""

    lease: str = ""
    """The name of the lease."""


class LeaseLost(Cancelled):
    """The lease could not be kept, so the work under it was ended in the middle."""

    lease: str = ""
    """The name of the lease."""


class StaleToken(Aborted):
    """Somebody has had the lease since, so nothing is written for the earlier holder."""

    lease: str = ""
    """The name of the lease."""
