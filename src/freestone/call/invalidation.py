"""Which results the clients of this process keep, and how they are forgotten before their time is over."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from freestone.contract import Operation, identity_of
from freestone.signals import SIGNALS, CacheDropped

from .policy import Cache
from .shared_call import SharedCall, title

Key: TypeAlias = tuple[bytes, ...]
"""On whom a result depends, and on what: the values of the operation's key, in its order."""
Results: TypeAlias = "Cache[Key, tuple[Any, str], SharedCall[Any]]"
"""Each result with the replica that it is from."""

_CACHES: weakref.WeakKeyDictionary[Operation, weakref.WeakSet[Results]] = weakref.WeakKeyDictionary()
"""Every cache of this process."""
_WAITING: dict[Operation, list[Callable[[], None]]] = {}
"""Who wants to know that an operation has a cache, now that it has none."""


def add_cache(operation: Operation, cache: Results) -> None:
    """Note a cache that may be asked to forget something, as long as its owner has it."""
    _CACHES.setdefault(operation, weakref.WeakSet()).add(cache)
    for tell in tuple(_WAITING.get(operation, ())):
        tell()


def when_kept(operation: Operation, tell: Callable[[], None]) -> Callable[[], None]:
    """Have somebody told each time that a client begins to keep results of an operation, and now if one does.

    Return what ends that.
    """
    _WAITING.setdefault(operation, []).append(tell)
    if _CACHES.get(operation):
        tell()

    def end() -> None:
        waiting = _WAITING[operation]
        waiting.remove(tell)
        if not waiting:
            del _WAITING[operation]

    return end


def forget(operation: Operation, given: Mapping[str, Any], reason: str = "") -> int:
    """Forget the results whose key has those values, in every client of this process; return how many they were.

    Others of the key are any. A call that is under way is not kept either. ``reason`` is for who listens.
    """
    key = operation.options.key
    wanted = [(key.index(name) + 1, identity_of(value)) for name, value in given.items()]
    matches = _matching(wanted)
    dropped = sum(cache.drop(matches) for cache in _CACHES.get(operation, ()))
    if SIGNALS.observed:
        SIGNALS.announce(CacheDropped(title(operation), dropped, reason))
    return dropped


def _matching(wanted: Sequence[tuple[int, bytes]]) -> Callable[[Key], bool]:
    """Return what tells whether a key has those values at those places."""
    if len(wanted) == 1:  # as an event says it, for each of all results that are kept
        place, only = wanted[0]
        return lambda kept: kept[place] == only
    return lambda kept: all(kept[place] == value for place, value in wanted)


def invalidate(method: Callable[..., object], /, *arguments: object, **named: object) -> int:
    """Forget the results that the clients of this process keep of a query, and return how many there were.

    With arguments, those alone whose key has them; others of the key may be left out, and then are any. A call that is
    under way is not kept either, and whoever asks from now on makes another one. Raises TypeError for a method
    that keeps nothing, and for an argument that is no part of its key.

    >>> async def rename(catalog, path, title):
    ...     await catalog.rename(path, title)
    ...     invalidate(Catalog.path, path)
    """
    operation = cast("Operation | None", getattr(method, "__operation__", None))
    if operation is None or operation.options.cache is None:
        raise TypeError(f"{getattr(method, '__qualname__', method)} keeps no results; it is no query with a cache")
    key = operation.options.key
    names = [parameter.name for parameter in operation.parameters]
    given = {**dict(zip(names, arguments, strict=False)), **named}
    unknown = given.keys() - set(key)
    if unknown or len(arguments) > len(names):
        wrong = ", ".join(sorted(unknown)) or "so many arguments"
        raise TypeError(f"the results of {title(operation)} do not depend on {wrong}; they do on {', '.join(key)}")
    return forget(operation, given)
