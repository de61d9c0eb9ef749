"""Copies what is mutable in a value, and nothing else; compiled from the type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def copier(type_: Any) -> Callable[[Any], Any] | None:
    """Return a function that copies the mutable parts of values of that type; None if there are none."""
    return None
