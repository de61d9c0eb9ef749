"""Names of a package that are imported at their first use (PEP 562), so that who has no use for them does not pay."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazily(package: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package: ``homes`` are its modules, each with the names that come from there.

    A name can't be that of its module, which Python puts in its place. Raises AttributeError for others than those.

    >>> opened = lazily("freestone.call", {"pool": ("Pool",)})
    >>> opened("Pool").__module__
    'freestone.call.pool'
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{package}.{home_of[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return get
