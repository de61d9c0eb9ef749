"""The databases of an application's services, for whoever looks at them or migrates them from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from freestone.errors import ConfigurationError, Mistake
from freestone.service import is_marked, meant

from .app import App, ServiceSpec
from .leases import LeaseSettings
from .resources import Resources

if TYPE_CHECKING:
    from freestone.data import Database


def databases(app: App, services: Collection[str] | None = None) -> Mapping[str, Database]:
    """Return the databases of those services, or without a choice of all that have one, by the service's name.

    They are not open, and ``start(migrate=False)`` opens one as it is. Raises ConfigurationError for a service that
    there is not, or that has none.
    """
    owners = [name for name, spec in app.services.items() if owns_database(spec, app.leases)]
    mistakes: list[Mistake] = []
    for name in services or ():
        if name not in app.services:
            mistakes.append(Mistake(app.name, f'there is no service "{name}"', meant(name, owners, "services")))
        elif name not in owners:
            mistakes.append(Mistake(f"service {name}", "it has no database", "declare one, as db: Database"))
    if mistakes:
        raise ConfigurationError(mistakes)
    resources = Resources(app.data, urls=app.urls, connections=app.connections)
    chosen = owners if services is None else services
    return {name: resources.database(name, app.services[name].cls) for name in chosen}


def owns_database(spec: ServiceSpec, leases: LeaseSettings) -> bool:
    """Whether a service has a database: it declares one, or what needs one."""
    kinds = {getattr(kind, "__freestone_resource__", "") for kind in spec.dependencies.values()}
    leased = "leases" in kinds and leases.of(spec.name) == "database"
    return leased or is_marked(spec.cls) or not kinds.isdisjoint(("database", "publisher"))
