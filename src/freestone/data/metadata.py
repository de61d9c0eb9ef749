"""Which tables a service has, by its code: found where the service itself finds them, in the names of its module."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from sqlalchemy import MetaData, Table

from freestone.errors import ConfigurationError, Mistake

from .framework_tables import METADATA


def metadata_of(service: type) -> MetaData:
    """Return the metadata of a service's tables.

    It is that of the rows and tables which the module of the class knows by name, or else of those that the modules
    know which were imported from the same package. Raises ConfigurationError if that is none, or several.
    """
    module = sys.modules[service.__module__]
    found = _found(module)
    if len(found) == 1:
        return next(iter(found))
    file = getattr(module, "__file__", None) or ""
    title = f"the tables of {service.__qualname__}"
    if not found:
        advice = f"import its rows, or their base, in {module.__name__}"
        raise ConfigurationError([Mistake(title, "none were found", advice, file)])
    bases = " and ".join(sorted(names[0] for names in found.values()))
    advice = f"know those of one in {module.__name__}; a service has one database, and one base"
    raise ConfigurationError(
        [Mistake(title, f"they have several bases: {bases}", advice, getattr(module, "__file__", None) or "")]
    )


def knows_tables(service: type) -> bool:
    """Whether the service has tables in its code."""
    return bool(_found(sys.modules[service.__module__]))


def _found(module: ModuleType) -> dict[MetaData, list[str]]:
    return _metadata_in([module]) or _metadata_in(_beside(module))


def _metadata_in(modules: list[ModuleType]) -> dict[MetaData, list[str]]:
    """Return the metadata that the modules know, each with the names by which."""
    found: dict[MetaData, list[str]] = {}
    for module in modules:
        names: dict[str, Any] = vars(module)
        for name, value in list(names.items()):
            metadata: Any = value
            if not isinstance(value, MetaData):
                kinds: Any = (type, Table)
                metadata = getattr(value, "metadata", None) if isinstance(value, kinds) else None
            if isinstance(metadata, MetaData) and metadata is not METADATA and metadata.tables:
                found.setdefault(metadata, []).append(f"that of {module.__name__}.{name}")
    return found


def _beside(module: ModuleType) -> list[ModuleType]:
    package = module.__name__.rpartition(".")[0]
    if not package:
        return []
    return [other for name, other in list(sys.modules.items()) if name.startswith(f"{package}.")]
