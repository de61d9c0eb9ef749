"""The parameters of an operation, and its kind."""

from __future__ import annotations

import enum
from typing import Any, Final, final

import msgspec


class Kind(enum.Enum):
    """Whether an operation changes anything."""

    QUERY = "query"
    """It reads, and may be repeated."""
    COMMAND = "command"
    """It changes state, and takes effect once."""


class _Required(enum.Enum):
    REQUIRED = "REQUIRED"

    def __repr__(self) -> str:
        return self.value


REQUIRED: Final = _Required.REQUIRED
"""In the place of a parameter's default: there is none."""


@final
class Parameter(msgspec.Struct, frozen=True):
    """One parameter of an operation."""

    name: str
    type: Any
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        """Whether a caller must give it."""
        return self.default is REQUIRED
