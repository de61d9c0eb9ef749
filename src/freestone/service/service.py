"""A service: a class that keeps a contract, with its dependencies as typed attributes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar, dataclass_transform, get_type_hints

from freestone.contract import contract_of

_T = TypeVar("_T")


@dataclass_transform(kw_only_default=True)
def service(cls: type[_T]) -> type[_T]:
    """Make a class that derives from a contract the service that keeps it.

    Its annotated attributes are its dependencies, and the keyword arguments of its constructor.
    """
    contract_of(cls)
    hints = get_type_hints(cls, None, {**sys._getframe(1).f_locals, cls.__name__: cls})
    wanted = tuple(hints)

    def construct(self: Any, **given: Any) -> None:
        missing = [name for name in wanted if name not in given]
        unknown = [name for name in given if name not in hints]
        if missing or unknown:
            problem = f"needs {', '.join(missing)}" if missing else f"does not know {', '.join(unknown)}"
            raise TypeError(f"{cls.__name__}() {problem}")
        for name, value in given.items():
            setattr(self, name, value)

    construct.__name__ = "__init__"
    cls.__init__ = construct  # type: ignore[method-assign]
    cls.__dependencies__ = MappingProxyType(hints)  # type: ignore[attr-defined]
    return cls


def dependencies(cls: type) -> Mapping[str, Any]:
    """Return the dependencies of a service, attribute by type. Raises TypeError if it is none."""
    found: Mapping[str, Any] | None = getattr(cls, "__dependencies__", None)
    if found is None:
        raise TypeError(f"{cls.__qualname__} is no service; decorate it with @service")
    return found
