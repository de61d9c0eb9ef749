"""What subscriptions have set aside: ``freestone events aside``, ``retry`` and ``drop``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from freestone.app import App
from freestone.clock import SystemClock

from .announced import shown_data
from .application import the_application
from .asking import ask
from .failure import SERVICE_EXIT, UsageMistake
from .opened import opened
from .tables import print_table, shown_moment

if TYPE_CHECKING:
    from freestone.events import Choice, Kept

_COLUMNS = ("SUBSCRIPTION", "TYPE", "KEY", "ID", "TRIES", "SINCE", "ERROR")


def aside(file: Path | None, service: str | None, choice: Choice, count: int, as_json: bool) -> None:
    """Print what was set aside; a single event that is named by its id in full. Raises UsageMistake."""
    found = asyncio.run(_aside(the_application(file), service, choice, count))
    if as_json:
        typer.echo(json.dumps([_described(name, each) for name, each in found], indent=2, ensure_ascii=False))
    elif not found:
        typer.echo("no event is set aside that is meant here" if choice else "no event is set aside")
        if choice.ids:
            raise typer.Exit(SERVICE_EXIT)
    elif choice.ids and len(found) == 1:
        _print_one(*found[0])
    else:
        print_table(_COLUMNS, [_cells(name, each) for name, each in found], numbers=("TRIES",))


def retry(file: Path | None, service: str | None, choice: Choice, everything: bool, as_json: bool) -> None:
    """Have events tried again. Raises UsageMistake if none is named; exits with 1 if there is none."""
    from freestone.events import retry_kept

    _refuse_nothing(choice, everything, "retry")

    async def work() -> dict[str, int]:
        async with opened(the_application(file), None if service is None else [service]) as databases:
            now = SystemClock().now()
            return {name: await retry_kept(database, choice, now) for name, database in databases.items()}

    _tell(asyncio.run(work()), "will be tried again", as_json)


def drop(file: Path | None, service: str | None, choice: Choice, everything: bool, yes: bool, as_json: bool) -> None:
    """Forget events. Raises UsageMistake if none is named; exits with 1 if there is none, or the answer is no."""
    from freestone.events import State, drop_kept, find_kept, subscriptions

    _refuse_nothing(choice, everything, "drop")
    app = the_application(file)
    states = (State.ASIDE, State.RETRYING, State.WAITING) if choice.ids else (State.ASIDE,)

    async def work() -> dict[str, int]:
        async with opened(app, None if service is None else [service]) as databases:
            found = [(name, each) for name, it in databases.items() for each in await find_kept(it, choice, states, 10)]
            if found and not yes:
                print_table(_COLUMNS, [_cells(name, each) for name, each in found[:10]], numbers=("TRIES",))
                ask("Drop these, and all others that are meant, for good?")
            now = SystemClock().now()
            return {
                name: await drop_kept(database, choice, states, subscriptions(app.services[name].cls), now)
                for name, database in databases.items()
            }

    _tell(asyncio.run(work()), "dropped", as_json)


def forget(file: Path | None, name: str, yes: bool) -> None:
    """Forget a subscription that the code has no more. Raises UsageMistake for one that it has, or a name that is none;
    exits with 1 if nobody remembers it, or the answer is no."""
    from freestone.events import Choice, count_kept, forget_subscription, remembers, subscriptions

    app = the_application(file)
    service, dot, subscription = name.partition(".")
    if not dot or not subscription:
        raise UsageMistake(f'"{name}" names no subscription; write its service and its name, as clerk.note')

    async def work() -> bool:
        async with opened(app, [service]) as databases:
            if any(each.name == subscription for each in subscriptions(app.services[service].cls)):
                raise UsageMistake(f"{service} hears events as {subscription}: take that @subscribe away first")
            if service not in databases or not await remembers(databases[service], subscription):
                return False
            kept = (await count_kept(databases[service], Choice(subscription=subscription))).get(subscription, {})
            if kept and not yes:
                count = sum(kept.values())
                typer.echo(f"{name} keeps {count} event{'' if count == 1 else 's'} that it has not handled.")
                ask("Forget it with them, for good?")
            await forget_subscription(databases[service], subscription)
            return True

    if not asyncio.run(work()):
        typer.echo(f"{service} remembers no subscription {subscription}; see `freestone events lag`", err=True)
        raise typer.Exit(SERVICE_EXIT)
    typer.echo(f"{name} is forgotten")


async def _aside(app: App, service: str | None, choice: Choice, count: int) -> list[tuple[str, Kept]]:
    from freestone.events import State, find_kept

    async with opened(app, None if service is None else [service]) as databases:
        found = [
            (name, each)
            for name, database in databases.items()
            for each in await find_kept(database, choice, (State.ASIDE,), count)
        ]
    return found[:count]


def _refuse_nothing(choice: Choice, everything: bool, command: str) -> None:
    if not choice and not everything:
        raise UsageMistake(
            f"name the events to {command}: by their ids, by --subscription, --type, --key or --since, or all "
            "with --all"
        )


def _tell(done: dict[str, int], what: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(done, indent=2))
    for name, count in done.items():
        if count and not as_json:
            typer.echo(f"{name}: {count} event{'' if count == 1 else 's'} {what}")
    if not any(done.values()):
        if not as_json:
            typer.echo("there is no such event; see `freestone events aside` and `freestone events pending`", err=True)
        raise typer.Exit(SERVICE_EXIT)


def _cells(service: str, kept: Kept) -> list[str]:
    it = kept.envelope
    since = shown_moment(kept.kept)
    return [f"{service}.{kept.subscription}", it.type, it.subject, it.id, str(kept.tries), since, kept.error]


def _described(service: str, kept: Kept) -> dict[str, Any]:
    it = kept.envelope
    return {
        "service": service,
        "subscription": kept.subscription,
        "state": kept.state.value,
        "type": it.type,
        "version": it.version,
        "source": it.source,
        "key": it.subject,
        "id": it.id,
        "time": it.time.isoformat(),
        "since": kept.kept.isoformat(),
        "tries": kept.tries,
        "error": kept.error,
        "trace": kept.trace,
        "traceparent": it.traceparent,
        "data": shown_data(it.data, it.content_type),
    }


def _print_one(service: str, kept: Kept) -> None:
    it = kept.envelope
    lines = {
        "event": f"{it.type}, version {it.version}, of {it.source}",
        "id": it.id,
        "key": it.subject,
        "announced": shown_moment(it.time),
        "heard by": f"{service}.{kept.subscription}",
        "aside since": shown_moment(kept.kept),
        "tries": str(kept.tries),
        "data": shown_data(it.data, it.content_type),
        "trace": it.traceparent or "-",
        "error": kept.error,
    }
    width = max(map(len, lines))
    for name, text in lines.items():
        typer.echo(f"{name:<{width}}  {text}")
    if kept.trace:
        typer.echo(f"\n{kept.trace.rstrip()}")
