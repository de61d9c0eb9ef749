"""What a shell offers when Tab is pressed: names from the application file. No service is imported for it."""

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


def operations(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of the services, each with the dot after which the method comes."""
    return [f"{name}." for name in services(ctx, incomplete)]


def _offer(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _application_file(ctx: typer.Context) -> ApplicationFile | None:
    from freestone.app import find, read
    from freestone.errors import ConfigurationError

    path: Path | None = ctx.params.get("file")
    try:
        return read(find(path, Path.cwd()))
    except ConfigurationError:
        return None  # there is nothing to offer; the command itself will say what is wrong
