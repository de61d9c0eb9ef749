"""What a shell offers when Tab is pressed: names from the application file. Nothing is imported for it but, after
the dot of an operation, that service."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from freestone.app import ApplicationFile


def topologies(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of the topologies."""
    file = _application_file(ctx)
    return _offer(file.topologies if file else (), incomplete)


def processes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the processes of the topology that was named, or else of all."""
    file = _application_file(ctx)
    if file is None:
        return []
    named = file.topologies.get(ctx.params.get("topology") or "")
    several = [named] if named else list(file.topologies.values())
    return _offer(dict.fromkeys(process.name for topology in several for process in topology.processes), incomplete)


def services(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of the services."""
    file = _application_file(ctx)
    return _offer((*file.services, *file.externals) if file else (), incomplete)


def own_services(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of the services that the application itself runs."""
    file = _application_file(ctx)
    return _offer(file.services if file else (), incomplete)


def operations(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of the services, each with a dot; after the dot, the operations of that one."""
    service, dot, _ = incomplete.rpartition(".")
    if not dot:
        return [f"{name}." for name in services(ctx, incomplete)]
    from freestone.contract import operations
    from freestone.errors import FreestoneError

    from .failure import UsageMistake
    from .running import contract_of_service

    file = _application_file(ctx)
    try:
        known = operations(contract_of_service(file, service)) if file else ()
    except (FreestoneError, UsageMistake):
        return []  # the call itself will say what is wrong
    return _offer([f"{service}.{name}" for name in known], incomplete)


def _offer(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _application_file(ctx: typer.Context) -> ApplicationFile | None:
    from freestone.errors import ConfigurationError

    from .application import the_file

    path: Path | None = ctx.params.get("file")
    try:
        return the_file(path)
    except ConfigurationError:
        return None  # there is nothing to offer; the command itself will say what is wrong
