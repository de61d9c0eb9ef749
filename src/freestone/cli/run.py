"""``freestone run``: a topology on this machine."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

import typer

from freestone.app import App, Host, http_address, plan, settings_of
from freestone.clock import SystemClock, system_random
from freestone.deploy.supervisor import (
    OWN_NAME,
    Logs,
    Outcome,
    Place,
    ProcessSpec,
    Replica,
    Run,
    State,
    Status,
    Supervisor,
)
from freestone.errors import ConfigurationError, Mistake

from .application import the_application
from .ending import end_tidily, on_ending
from .failure import UsageMistake
from .faulty import FaultyRun, faulty_run
from .inheritance import Inheritance
from .serving import Seat, peers, run_loop, serve_here, start_logging
from .tenant import GRACE

_LAST_LINES = 5.0
"""Seconds in which the lines that wait may be written at the end; a terminal that is paused is not waited for."""


def run(
    file: Path | None,
    topology: str | None,
    listen: str | None,
    drain: float,
    faults_file: Path | None = None,
    faults_seed: int | None = None,
) -> None:
    """Run a topology until a signal says so. ``listen`` is the gateway's place, if it is not the file's.

    ``faults_file`` says what goes wrong on purpose, and ``faults_seed`` repeats it.

    Raises UsageMistake if there is no such place or no gateway, ConfigurationError for what is wrong in the
    application's file, its settings or the faults, and for a process that can't be started.
    """
    app = the_application(file)
    made = plan(app if listen is None else _listening(app, listen), topology)
    settings_of(made.app, os.environ)  # told here, once, and not by each process
    faulty = faulty_run(faults_file, made.app, faults_seed)
    if faulty is not None:
        typer.echo(faulty)
    end_tidily()
    with Run.open(made, SystemClock()) as opened:
        if len(opened.replicas) == 1:
            _run_here(opened, drain, faulty)
        else:
            _supervise(opened, drain, faulty)


def _listening(app: App, listen: str) -> App:
    if app.gateway is None:
        raise UsageMistake(f"{app.name} has no gateway that could listen on {listen}")
    try:
        return replace(app, gateway=replace(app.gateway, listen=http_address(listen)))
    except ValueError as error:
        raise UsageMistake(f"--listen: {error}; write it as 127.0.0.1:8000") from error


def _run_here(run: Run, drain: float, faulty: FaultyRun | None) -> None:
    """Run the only process of the topology in this one."""
    start_logging()
    [(replica, place)] = run.places.items()
    since = SystemClock().now()

    def publish(state: State) -> None:
        run.publish(lambda _: Status(state, os.getpid(), since, restarts=0))

    def ready(host: Host) -> None:
        publish(State.RUNNING)
        typer.echo(_greeting(run))

    publish(State.STARTING)
    others = peers(run.plan, replica.process, run.directory.path)
    seat = Seat(run.plan, replica.process, 0, place.wire, place.gateway, others, faulty)
    run_loop(serve_here(seat, drain, ready))


def _supervise(run: Run, drain: float, faulty: FaultyRun | None) -> None:
    """Run each process of the topology as a child."""
    logs = Logs([OWN_NAME, *map(str, run.replicas)], sys.stdout, sys.stderr)
    try:
        outcome, forced_by = asyncio.run(_supervised(run, drain, logs, faulty))
    finally:
        logs.close(_LAST_LINES)
    if outcome.failed is not None:
        raise ConfigurationError([Mistake(str(outcome.failed), f"it can't be started: {outcome.reason}")])
    if forced_by is not None:
        raise typer.Exit(128 + forced_by)
    if not outcome.clean:
        raise typer.Exit(1)


async def _supervised(run: Run, drain: float, logs: Logs, faulty: FaultyRun | None) -> tuple[Outcome, int | None]:
    """Return how the run ended, and the signal that made it end at once, if one did."""
    greeted = False
    signals: list[int] = []

    def changed() -> None:
        nonlocal greeted
        run.publish(supervisor.status)
        if not greeted and all(supervisor.status(replica).state is State.RUNNING for replica in run.replicas):
            greeted = True
            logs.line(OWN_NAME, _greeting(run))

    def heard(number: int) -> None:
        signals.append(number)
        supervisor.stop()

    supervisor = Supervisor(
        [
            *(_spec(run, replica, place, drain, faulty) for replica, place in run.places.items()),
            *_nats_spec(run, drain),
        ],
        logs=logs,
        clock=SystemClock(),
        random=system_random(),
        drain_seconds=drain,
        changed=changed,
    )
    on_ending(heard)
    outcome = await supervisor.run()
    return outcome, signals[1] if len(signals) > 1 and not outcome.clean else None


def _spec(run: Run, replica: Replica, place: Place, drain: float, faulty: FaultyRun | None) -> ProcessSpec:
    inheritance = Inheritance(
        file=str(run.plan.app.path),
        topology=run.plan.topology,
        process=replica.process,
        replica=replica.number,
        drain=drain,
        directory=str(run.directory.path),
        wire=place.wire.fileno(),
        gateway=None if place.gateway is None else place.gateway.fileno(),
        faults=None if faulty is None else str(faulty.file),
        seed=None if faulty is None else faulty.faults.plan.seed,
    )
    stage = run.plan.process(replica.process).stage
    return ProcessSpec(replica, inheritance.command, inheritance.descriptors, stage)


def _nats_spec(run: Run, drain: float) -> list[ProcessSpec]:
    """Return how to run the NATS server of the run, which is ended last, if there is one."""
    if run.nats is None:
        return []
    last = 1 + max(process.stage for process in run.plan.processes)
    return [ProcessSpec(run.nats.replica, run.nats.command(drain + GRACE), stage=last)]


def _greeting(run: Run) -> str:
    where = f": {run.gateway}" if run.gateway else ""
    return f"{run.plan.application} runs as {run.plan.topology}{where}"
