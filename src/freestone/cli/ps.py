"""``freestone ps``: what runs, and how it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, final
from urllib.parse import urlsplit

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from freestone.app import CONTROL, ApplicationFile, Control, connect
from freestone.clock import SystemClock
from freestone.deploy.supervisor import ReplicaRecord, RunRecord, State, resident_bytes, running
from freestone.errors import ServiceError

from .application import the_file
from .running import proof_for

_PATIENCE = 1.0
"""Seconds for which a process is waited for that does not answer."""
_WIDE = 400
"""Columns where the output is no terminal: nothing is cut off there."""
_HEADINGS = ("PROCESS", "REPLICA", "SERVICES", "PID", "ADDRESS", "SINCE", "RESTARTS", "MEMORY", "STATE")
_NUMBERS = {"REPLICA", "PID", "RESTARTS", "MEMORY"}


@final
@dataclass(frozen=True, slots=True)
class Seen:
    """A replica, as its supervisor and it itself say that it is."""

    record: ReplicaRecord
    memory: int | None
    """Resident memory in bytes."""
    answers: bool

    @property
    def state(self) -> str:
        """What it does; a process that runs and says nothing is worth a word of its own."""
        silent = self.record.state == State.RUNNING and not self.answers
        return "not answering" if silent else self.record.state


def ps(file: Path | None, as_json: bool) -> None:
    """Print a line for each replica of each topology that runs."""
    application = the_file(file)
    runs = running(application.home)
    seen = asyncio.run(_look_at(application, runs))
    if as_json:
        typer.echo(json.dumps([_described(run, replicas) for run, replicas in seen], indent=2))
    elif not runs:
        typer.echo(f"{application.name} does not run here; start it with `freestone run`")
    else:
        _print(seen)


async def _look_at(file: ApplicationFile, runs: Sequence[RunRecord]) -> list[tuple[RunRecord, list[Seen]]]:
    return [(run, await asyncio.gather(*(_ask(file, run, each) for each in run.replicas))) for run in runs]


async def _ask(file: ApplicationFile, run: RunRecord, record: ReplicaRecord) -> Seen:
    """Ask a replica how it is; the system knows at least its memory."""
    if record.pid is None:
        return Seen(record, None, answers=False)
    if not record.speaks_wire:
        answers = record.state != State.RUNNING or await _nats_answers(record.address)
        return Seen(record, resident_bytes(record.pid), answers=answers)
    if record.state == State.RUNNING:
        try:
            async with connect(
                Control,
                record.address,
                service=CONTROL,
                application=run.application,
                deadline=_PATIENCE,
                proof=proof_for(file, [record.address]),
            ) as control:
                status = await control.status()
        except ServiceError:
            return Seen(record, resident_bytes(record.pid), answers=False)
        if status.pid == record.pid:
            return Seen(record, status.memory, answers=True)
    # It starts or ends; or it shares its address with another replica, which was the one that answered.
    return Seen(record, resident_bytes(record.pid), answers=True)


async def _nats_answers(address: str) -> bool:
    """Whether a NATS server greets whoever comes."""
    where = urlsplit(address)
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
            greeting = await reader.readline()
    except (OSError, TimeoutError):
        return False
    writer.close()
    return greeting.startswith(b"INFO ")


def _described(run: RunRecord, replicas: Sequence[Seen]) -> dict[str, Any]:
    described: dict[str, Any] = msgspec.to_builtins(run)
    described["replicas"] = [
        {**msgspec.to_builtins(seen.record), "memory": seen.memory, "state": seen.state} for seen in replicas
    ]
    return described


def _print(seen: Sequence[tuple[RunRecord, Sequence[Seen]]]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDE)
    now = SystemClock().now()
    for run, replicas in seen:
        gateway = f", gateway on {run.gateway}" if run.gateway else ""
        typer.echo(f"{run.application} runs as {run.topology}{gateway}")
        with console.capture() as capture:
            console.print(_table(replicas, now))
        typer.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


def _table(replicas: Sequence[Seen], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left", overflow="fold")
    for each in replicas:
        table.add_row(*_cells(each, now))
    return table


def _cells(seen: Seen, now: datetime) -> list[Text]:
    record = seen.record
    style = "" if seen.state == State.RUNNING else "yellow"
    texts = (
        record.process,
        str(record.replica),
        " ".join(record.services) or "-",
        "-" if record.pid is None else str(record.pid),
        record.address,
        "-" if record.since is None else shown_age(now - record.since),
        str(record.restarts),
        "-" if seen.memory is None else f"{seen.memory / 2**20:.0f} MiB",
        seen.state,
    )
    return [Text(text, style=style) for text in texts]


def shown_age(age: timedelta) -> str:
    """Return how long ago something was, in its largest unit that is not 0.

    >>> shown_age(timedelta(minutes=75))
    '1h ago'
    """
    seconds = max(0, int(age.total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"
