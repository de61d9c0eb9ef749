"""What services own, opened where the application keeps its data."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from freestone.clock import Clock
from freestone.errors import ConfigurationError, Mistake

from .binder import Resource


def resources_in(directory: Path, clock: Clock | None = None) -> Callable[[str, type[Any], str], Resource]:
    """Return a maker of resources that keeps files in the directory, one a service.

    A database's migrations are in the folder ``migrations`` beside the module of the service's class; ``clock`` is the
    time of its leases, by default the machine's.
    """

    def make(service: str, cls: type[Any], kind: str) -> Resource:
        if kind != "database":
            raise ConfigurationError(
                [Mistake(f"service {service}", f"it needs a {kind}, which this host can't give", "ask for a Database")]
            )
        from freestone.data import Database  # SQLAlchemy is imported only where a service has a database

        return Database.open(directory / f"{service}.db", Path(inspect.getfile(cls)).parent / "migrations", clock=clock)

    return make
