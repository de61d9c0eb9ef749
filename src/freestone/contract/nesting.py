"""How deep a value is, and the way into it.

Only a type that is made of itself can nest without bound, and only those are looked into: a hostile peer could else
make the recursion of the reader run over, or of whoever looks at the value later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

NESTING = 100
"""The deepest that an argument or a result may be nested, in levels."""


def is_too_deep(value: Any) -> bool:
    """Whether a value has more than ``NESTING`` levels within it."""
    level: list[Any] = [value]
    for _ in range(NESTING + 1):
        level = [part for outer in level for part in parts(outer)]
        if not level:
            return False
    return True


def parts(value: Any) -> Iterable[Any]:
    """Return what a value directly holds; nothing for a text or a number."""
    if _is_map(value):
        values: Iterable[Any] = value.values()
        return values
    if _is_collection(value):
        items: Iterable[Any] = value
        return items
    return [getattr(value, name) for name in _field_names(value)]


def steps(value: Any) -> Iterator[str]:
    """Return how a path goes into each of the parts: ``.minutes``, ``[2]``."""
    if _is_map(value):
        return (f"[{key!r}]" for key in value)
    if _is_collection(value):
        return (f"[{index}]" for index in range(len(value)))
    return (f".{name}" for name in _field_names(value))


def _is_map(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_collection(value: object) -> bool:
    return isinstance(value, (list, tuple, set, frozenset))


def _field_names(value: object) -> Iterable[str]:
    if isinstance(value, msgspec.Struct):
        return value.__struct_fields__
    attributes: Iterable[Any] = getattr(type(value), "__attrs_attrs__", ())
    names: Iterable[str] = getattr(type(value), "__dataclass_fields__", ())
    return [attribute.name for attribute in attributes] or names
