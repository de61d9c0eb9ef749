"""How far subscriptions are behind: ``freestone events lag``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from freestone.app import App
from freestone.clock import SystemClock

from .application import the_application
from .opened import has_broker, opened
from .ps import shown_age
from .tables import print_table

if TYPE_CHECKING:
    from freestone.events import Lag

_COLUMNS = ("SUBSCRIPTION", "HEARS", "BEHIND", "OLDEST", "RETRYING", "WAITING", "ASIDE")


def lag(file: Path | None, service: str | None, topology: str | None, as_json: bool) -> None:
    """Print how far each subscription is. Raises UsageMistake."""
    app = the_application(file)
    found = asyncio.run(_lags(app, service, topology))
    if as_json:
        typer.echo(json.dumps([_described(name, each) for name, each in found], indent=2))
    elif not found:
        typer.echo("no subscription has been started yet")
    else:
        now = SystemClock().now()
        rows = [
            [
                f"{name}.{each.subscription}",
                each.type if each.source.application == app.name else f"{each.type} of {each.source.application}",
                "-" if each.behind is None else str(each.behind),
                "-" if each.oldest is None else shown_age(now - each.oldest),
                *(str(count) for count in (each.retrying, each.waiting, each.aside)),
            ]
            for name, each in found
        ]
        print_table(_COLUMNS, rows, numbers=("BEHIND", "RETRYING", "WAITING", "ASIDE"))


async def _lags(app: App, service: str | None, topology: str | None) -> list[tuple[str, Lag]]:
    from freestone.events import Source, lags

    partitions = app.events.partitions if has_broker(app, topology) else 1
    async with opened(app) as databases:
        announcers = {Source(app.name, name): database for name, database in databases.items()}
        if service is None:
            heard = databases
        else:
            async with opened(app, [service]):
                heard = {name: database for name, database in databases.items() if name == service}
        return [
            (name, each) for name, database in heard.items() for each in await lags(database, announcers, partitions)
        ]


def _described(service: str, lag: Lag) -> dict[str, Any]:
    return {
        "service": service,
        "subscription": lag.subscription,
        "type": lag.type,
        "application": lag.source.application,
        "behind": lag.behind,
        "oldest": None if lag.oldest is None else lag.oldest.isoformat(),
        "retrying": lag.retrying,
        "waiting": lag.waiting,
        "aside": lag.aside,
    }
