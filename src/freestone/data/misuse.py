"""Mistakes of a program in using its database. They are bugs, so no caller sees them but as ``Internal``."""

from __future__ import annotations

from typing import final

from freestone.errors import FreestoneError


@final
class TransactionRequired(FreestoneError, RuntimeError):
    """The database was used where no transaction is open."""


@final
class ReadOnlyTransaction(FreestoneError, RuntimeError):
    """A query tried to write."""
