"""What services have announced: ``freestone events tail``, ``pending`` and ``republish``."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import Progress

from freestone.app import App

from .application import the_application
from .failure import UsageMistake
from .opened import has_broker, opened
from .tables import Column, print_table, shown_moment

if TYPE_CHECKING:
    from freestone.data import Database
    from freestone.events import Choice, Envelope, Outbox, Written

_LOOK = 0.5
"""Seconds between two looks for new events."""
_AT_ONCE = 500

_EVENT: Sequence[Column] = ("TIME", "TYPE", "KEY", "ID", "DATA")


def tail(file: Path | None, service: str | None, choice: Choice, count: int, follow: bool, as_json: bool) -> None:
    """Print the latest events, and go on with those that come if ``follow``. Raises UsageMistake, also where there is
    nothing to follow."""
    app = the_application(file)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_tail(app, service, choice, count, follow, as_json))


async def _tail(app: App, service: str | None, choice: Choice, count: int, follow: bool, as_json: bool) -> None:
    from freestone.events import Following, latest_events

    async with opened(app, _one(service)) as databases:
        outboxes = _outboxes(app, databases)
        if follow and not outboxes:
            raise UsageMistake(f"no service of {app.name} has a database yet, so there is nothing to follow: start it")
        followed = [Following(outbox, choice) for outbox in outboxes.values()] if follow else []
        for each in followed:
            await each.start()
        found = (
            [each for outbox in outboxes.values() for each in await latest_events(outbox, choice, count)]
            if count
            else []
        )
        _print_events(_by_time(found)[-count:] if count else [], as_json)
        if not found and not follow and not as_json:
            typer.echo(_nothing("no event was announced", choice))
        while follow:
            await asyncio.sleep(_LOOK)
            some = [event for each in followed for event in await each.next(_AT_ONCE)]
            _print_events(_by_time(some), as_json, heading=False)


def pending(
    file: Path | None, service: str | None, choice: Choice, count: int, topology: str | None, as_json: bool
) -> None:
    """Print what is still to be done. Raises UsageMistake."""
    app = the_application(file)
    rows = asyncio.run(_pending(app, service, choice, count, topology))
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not rows:
        typer.echo(_nothing("nothing waits", choice))
    else:
        columns = ("WHERE", "STATE", "TYPE", "KEY", "ID", "TIME", "TRIES", "NEXT TRY", "ERROR")
        print_table(columns, [[_cell(row[column]) for column in _KEYS] for row in rows])


_KEYS = ("where", "state", "type", "key", "id", "time", "tries", "next_try", "error")


async def _pending(
    app: App, service: str | None, choice: Choice, count: int, topology: str | None
) -> list[dict[str, Any]]:
    from freestone.events import State, find_kept, waiting_events

    rows: list[dict[str, Any]] = []
    async with opened(app, _one(service)) as databases:
        if has_broker(app, topology):
            for name, outbox in _outboxes(app, databases).items():
                _, written = await waiting_events(outbox, choice, count)
                rows.extend(_row(f"the outbox of {name}", "waits for the broker", each.envelope) for each in written)
        for name, database in databases.items():
            for each in await find_kept(database, choice, (State.RETRYING, State.WAITING), count):
                retrying = each.state is State.RETRYING
                state = "is tried again" if retrying else "waits behind another"
                row = _row(f"{name}.{each.subscription}", state, each.envelope)
                next_try = each.next_try.isoformat() if retrying else None
                rows.append({**row, "tries": each.tries, "next_try": next_try, "error": each.error})
    return rows[:count]


def republish(file: Path | None, service: str | None, since: datetime, topology: str | None, as_json: bool) -> None:
    """Have events sent again. Raises UsageMistake where no broker carries them."""
    app = the_application(file)
    if not has_broker(app, topology):
        raise UsageMistake(
            f"no broker carries the events of {app.name}: subscriptions read the outbox itself, so none can be lost on "
            "the way; name the topology with --topology if it runs elsewhere"
        )
    done = asyncio.run(_republish(app, service, since, quiet=as_json))
    if as_json:
        typer.echo(json.dumps(done, indent=2))
    elif not any(done.values()):
        typer.echo(f"no event was announced since {shown_moment(since)} that is still kept")
    else:
        for name, count in done.items():
            if count:
                typer.echo(f"{name}: {count} event{'' if count == 1 else 's'} will be sent again")


async def _republish(app: App, service: str | None, since: datetime, *, quiet: bool) -> dict[str, int]:
    from freestone.events import Waiting

    done: dict[str, int] = {}
    async with opened(app, _one(service)) as databases:
        with Progress(console=Console(stderr=True), transient=True, disable=quiet) as progress:
            for name, outbox in _outboxes(app, databases).items():
                task = progress.add_task(name, total=None)

                def tell(count: int, total: int, task: Any = task) -> None:
                    progress.update(task, completed=count, total=total)

                if await _has_outbox(outbox):
                    waiting = Waiting(outbox)
                    done[name] = await waiting.again(since, tell)
    return done


async def _has_outbox(outbox: Outbox) -> bool:
    from freestone.events import last_event

    return await last_event(outbox) > 0


def _outboxes(app: App, databases: Mapping[str, Database]) -> dict[str, Outbox]:
    from freestone.events import Outbox, Source

    return {name: Outbox(database, Source(app.name, name)) for name, database in databases.items()}


def _print_events(found: Sequence[Written], as_json: bool, *, heading: bool = True) -> None:
    from freestone.events import to_json

    if as_json:
        for each in found:
            typer.echo(to_json(each.envelope))
    elif found:
        rows = [
            [shown_moment(it.time), it.type, it.subject, it.id, shown_data(it.data, it.content_type)]
            for it in (each.envelope for each in found)
        ]
        print_table(_EVENT, rows, heading=heading)


def shown_data(data: bytes, content_type: str) -> str:
    """Return the fields of an event as JSON, or what can be shown of what is none."""
    import msgspec

    from freestone.events import JSON

    try:
        value = msgspec.json.decode(data) if content_type == JSON else msgspec.msgpack.decode(data)
        return msgspec.json.encode(value).decode()
    except (msgspec.DecodeError, TypeError, ValueError):
        return repr(data[:200])


def _by_time(found: Sequence[Written]) -> list[Written]:
    return sorted(found, key=lambda each: each.envelope.time)


def _row(where: str, state: str, envelope: Envelope) -> dict[str, Any]:
    return {
        "where": where, "state": state, "type": envelope.type, "key": envelope.subject, "id": envelope.id,
        "time": envelope.time.isoformat(), "tries": None, "next_try": None, "error": "",
    }  # fmt: skip


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, str) and len(value) > 19 and value[4:5] == "-" and value[10:11] == "T":
        return shown_moment(datetime.fromisoformat(value))
    return str(value)


def _nothing(sentence: str, choice: Choice) -> str:
    return f"{sentence} that is meant here" if choice else sentence


def _one(service: str | None) -> list[str] | None:
    return None if service is None else [service]
