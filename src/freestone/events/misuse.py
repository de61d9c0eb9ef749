"""Mistakes of a program in announcing events. They are bugs, so no caller sees them but as ``Internal``."""

from __future__ import annotations

from typing import final

from freestone.errors import FreestoneError


@final
class ForeignEvent(FreestoneError, RuntimeError):
    """A service published an event that belongs to another one's contract."""
