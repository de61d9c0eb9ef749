"""Which contracts and events are declared beside each other: in one module, one function, or one class.

An event says nowhere to which contract it belongs; where it is declared says it. Classes are remembered weakly, by
their names: one that is declared again, as when its module is imported anew, takes the place of the one before.
"""

from __future__ import annotations

import weakref
from typing import TypeAlias

Scope: TypeAlias = tuple[str, str]
"""A module, and the qualified name of what is around the declaration in it; empty for the module itself."""

CONTRACTS: dict[Scope, weakref.WeakValueDictionary[str, type]] = {}
EVENTS: dict[Scope, weakref.WeakValueDictionary[str, type]] = {}


def scope_of(cls: type) -> Scope:
    """Return where a class is declared."""
    return cls.__module__, cls.__qualname__.rpartition(".")[0]


def inside(cls: type) -> Scope:
    """Return the scope that the body of a class is."""
    return cls.__module__, cls.__qualname__


def remember(cls: type, kind: dict[Scope, weakref.WeakValueDictionary[str, type]]) -> None:
    """Note that a class is declared in its scope."""
    beside = kind.setdefault(scope_of(cls), weakref.WeakValueDictionary())
    beside.pop(cls.__qualname__, None)
    beside[cls.__qualname__] = cls


def found(scope: Scope, kind: dict[Scope, weakref.WeakValueDictionary[str, type]]) -> list[type]:
    """Return what is declared in a scope, in the order in which it is."""
    beside = kind.get(scope)
    return [] if beside is None else list(beside.values())
