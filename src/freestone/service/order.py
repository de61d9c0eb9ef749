"""In which order services are made and started: each after those that it depends on."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from freestone.contract import Report, class_place, contract_of

from .service import dependencies


def order(services: Mapping[str, type]) -> tuple[str, ...]:
    """Return the names of the services in the order in which to start them; stop them the other way round.

    A service that depends on a contract comes after the service that keeps it; where nothing decides, the given order
    holds. A contract that no service here keeps is somebody else's, and decides nothing.

    Raises DeclarationError that names each cycle, as ``catalog → progress → catalog``: services that need each other
    could never be started, nor deployed one by one.
    """
    needs = _needs(services)
    ordered: list[str] = []
    report = Report()
    for name in services:
        _visit(name, needs, [], ordered, services, report)
    report.raise_if_any()
    return tuple(ordered)


def _needs(services: Mapping[str, type]) -> dict[str, list[str]]:
    keepers = {contract_of(cls): name for name, cls in services.items()}
    return {
        name: [keepers[wanted] for wanted in dependencies(cls).values() if wanted in keepers]
        for name, cls in services.items()
    }


def _visit(
    name: str,
    needs: Mapping[str, list[str]],
    path: list[str],
    ordered: list[str],
    services: Mapping[str, type],
    report: Report,
) -> None:
    """Add a service to ``ordered``, after what it needs. ``path`` is who needs it, from the outermost on."""
    if name in path:
        cycle = " → ".join([*path[path.index(name) :], name])
        report.add(
            cycle, "these services need each other, so that none can be started first",
            "turn one of the calls into an event, or move what both need into a third service",
            functools.partial(class_place, services[name]),
        )  # fmt: skip
    elif name not in ordered:
        for needed in needs[name]:
            _visit(needed, needs, [*path, name], ordered, services, report)
        if name not in ordered:
            ordered.append(name)
