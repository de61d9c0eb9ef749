"""``[leases]`` of the application file: where the leases are that services take."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, final

import msgspec

from freestone.service import dependencies, meant

from .broker import read_word
from .document import Table

LeaseStoreKind = Literal["database", "nats"]

_STORES: Final[tuple[LeaseStoreKind, ...]] = ("database", "nats")
_NONE: Final[Mapping[str, LeaseStoreKind]] = MappingProxyType({})


@final
class LeaseSettings(msgspec.Struct, frozen=True):
    """What an application says about its leases."""

    store: LeaseStoreKind = "database"
    """Where they are: in the database of the service that takes them, or in NATS."""
    replicas: int = 1
    """How many servers of a NATS cluster keep them."""
    services: Mapping[str, LeaseStoreKind] = _NONE
    """Where those of single services are, by name."""

    def of(self, service: str) -> LeaseStoreKind:
        """Return where the leases of a service are."""
        return self.services.get(service, self.store)


def read_leases(table: Table, services: Collection[str]) -> LeaseSettings:
    """Return what ``[leases]`` says, given the services that there are. Mistakes are noted."""
    usual = LeaseSettings()
    store = read_word(table, "store", _STORES, None) or usual.store
    replicas = table.integer("replicas", usual.replicas)
    if not 1 <= replicas <= 5:
        table.note("replicas", f"it is {replicas}; it must be from 1 to 5")
        replicas = usual.replicas
    single = table.table("services")
    found: dict[str, LeaseStoreKind] = {}
    for name, inner in single.tables():
        if name not in services:
            single.note(name, f'there is no service "{name}"', meant(name, services, "services"))
        if "store" not in inner:
            inner.note("store", "it is missing", 'write store = "nats" or store = "database"')
        elif own := read_word(inner, "store", _STORES, None):
            found[name] = own
        inner.refuse_unknown()
    if "replicas" in table and "nats" not in (store, *found.values()):
        table.note("replicas", "it has no effect, since no leases are in NATS", 'leave it out, or write store = "nats"')
    table.refuse_unknown()
    return LeaseSettings(store, replicas, MappingProxyType(found))


def takes_leases(cls: type[Any]) -> bool:
    """Whether a service has the resource ``Leases``."""
    return any(getattr(kind, "__freestone_resource__", "") == "leases" for kind in dependencies(cls).values())


def in_nats(services: Mapping[str, type[Any]], settings: LeaseSettings) -> bool:
    """Whether one of the services takes leases in NATS."""
    return any(takes_leases(cls) and settings.of(name) == "nats" for name, cls in services.items())


def databases_besides(
    services: Mapping[str, type[Any]], settings: LeaseSettings, others: Mapping[str, Sequence[str]]
) -> Mapping[str, Sequence[str]]:
    """Return what services have whether they declare it or not: those ``others``, and a database for its leases."""
    own = [name for name, cls in services.items() if takes_leases(cls) and settings.of(name) == "database"]
    return {**others, **{name: ("database", *others.get(name, ())) for name in own}}


def lease_lines(settings: LeaseSettings, taking: Sequence[str]) -> Iterator[str]:
    """Yield what ``freestone plan`` shows, given the services that take leases.

    >>> print(*lease_lines(LeaseSettings("nats", services={"search": "database"}), ["catalog", "search"]), sep="\\n")
    leases: in NATS, 1 replica
        search: in its database
    """
    if not taking:
        return
    nats = f"in NATS, {settings.replicas} replica{'s' if settings.replicas > 1 else ''}"
    yield f"leases: {nats if settings.store == 'nats' else 'in the database of each service'}"
    for name in taking:
        if (own := settings.of(name)) != settings.store:
            yield f"    {name}: {nats if own == 'nats' else 'in its database'}"
