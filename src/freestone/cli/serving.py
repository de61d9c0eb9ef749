"""One process of the application, served in this one until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, final

import uvloop

from freestone.app import Host, Plan, settings_of, settle
from freestone.call import Address, Endpoint

from .ending import Stop
from .faulty import FaultyRun

T = TypeVar("T")

_log = logging.getLogger("freestone.cli")

_LOG_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


@final
@dataclass(frozen=True, slots=True)
class Seat:
    """Which process this is, and what it was given."""

    plan: Plan
    process: str
    replica: int
    wire: socket.socket | Address
    gateway: socket.socket | None
    peers: Mapping[str, Sequence[Endpoint]]
    faulty: FaultyRun | None = None
    """What goes wrong on the calls that it makes."""
    discover: bool = False
    """Whether processes are discovered, because each was placed by somebody else."""


def peers(plan: Plan, process: str, directory: Path) -> dict[str, Sequence[Endpoint]]:
    """Return where the other processes of a run on this machine are, whose sockets are in the directory."""
    return {other.name: other.addresses(directory) for other in plan.processes if other.name != process}


def peers_anywhere(plan: Plan, process: str, directory: Path) -> dict[str, Sequence[Endpoint]]:
    """Return where the other processes are if each was placed by somebody else; those of this machine have their
    sockets in the directory."""
    return {other.name: other.endpoints(directory) for other in plan.processes if other.name != process}


async def serve_here(seat: Seat, drain_seconds: float, ready: Callable[[Host], None]) -> None:
    """Serve until a signal asks to end, and drain then.

    Raises ConfigurationError for settings that are wrong, StartError if a service does not start.
    """
    stop = Stop()
    names = seat.plan.process(seat.process).services
    settings = settings_of(seat.plan.app, os.environ, services=names)
    interposer = None if seat.faulty is None else seat.faulty.interposer(seat.process, seat.replica)
    host = Host(
        seat.plan,
        seat.process,
        seat.replica,
        settings=settings,
        peers=seat.peers,
        interposer=interposer,
        discover=seat.discover,
    )
    asked = asyncio.ensure_future(stop.asked.wait())
    starting = asyncio.ensure_future(host.start([seat.wire], seat.gateway))
    try:
        await asyncio.wait([starting, asked], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            with suppress(asyncio.CancelledError):
                await starting
            return
        await starting
        if not seat.plan.app.python_gc:
            settle()
        ready(host)
        try:
            await asked
            _log.info("draining")
        finally:
            await host.stop(drain_seconds)
            if seat.faulty is not None:
                for sentence in seat.faulty.faults.report():
                    _log.info(sentence)
    finally:
        asked.cancel()


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine on the fast event loop, and return its result. A second signal ends the process with its
    status."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)
    except asyncio.CancelledError as error:
        raise SystemExit(int(error.args[0]) if error.args else 130) from error


def start_logging() -> None:
    """Write this process's log to standard error, and what it prints a line at a time though it may be a pipe."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # which migrations are applied is said by freestone.data
