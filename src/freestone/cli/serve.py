"""``freestone serve``: one process of a topology, as a container runs it, or as a child of ``freestone run``."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import typer

from freestone.app import HOME_NAME, Host, Plan, plan
from freestone.deploy.supervisor import (
    CONFIGURATION_EXIT,
    Lifeline,
    RunFile,
    RuntimeDirectory,
    Tenancy,
    listen_tcp,
    outline_of,
    own_nats,
)
from freestone.errors import ConfigurationError, Mistake

from .application import home, the_application, the_application_of
from .ending import end_tidily
from .failure import UsageMistake, explain
from .faulty import faulty_run
from .serving import Seat, peers, peers_anywhere, run_loop, serve_here, start_logging

GRACE = 5.0
"""Seconds beyond the drain time after which an orphan is ended, whatever it is doing."""


@final
@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a supervisor passes on to a child: the hidden options of ``freestone serve``."""

    directory: Path
    """The directory of the run's sockets."""
    wire: int
    """The descriptor of the socket on which it speaks the wire."""
    gateway: int | None = None
    faults: Path | None = None
    """What goes wrong on the calls that it makes, and the seed of the whole run."""
    seed: int | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All of them, but for the lifeline."""
        return (self.wire,) if self.gateway is None else (self.wire, self.gateway)

    def options(self) -> list[str]:
        """Return the options that say so. The supervisor adds the one for the lifeline."""
        options = ["--run-directory", str(self.directory), "--wire-fd", str(self.wire)]
        return options if self.gateway is None else [*options, "--gateway-fd", str(self.gateway)]


def serve_child(
    file: Path, topology: str, process: str, replica: int, drain: float, given: Inheritance, lifeline_fd: int
) -> None:
    """Serve a process for a supervisor, until it says so or is gone.

    The supervisor has looked at the whole application; here it is known as far as this process needs it.
    """
    with _tenancy(file, topology, drain, given, Lifeline(lifeline_fd)) as lifeline:
        start_logging()
        app = the_application_of(file, topology, process, outline_of(given.directory))
        made = plan(replace(app, nats=app.nats or own_nats(given.directory)), topology)
        wire = _inherited(given.wire)
        gateway = None if given.gateway is None else _inherited(given.gateway)
        faulty = faulty_run(given.faults, None, given.seed)
        seat = Seat(made, process, replica, wire, gateway, peers(made, process, given.directory), faulty)
        run_loop(serve_here(seat, drain, lambda _: lifeline.ready()))


def serve(
    file: Path | None,
    topology: str | None,
    process: str,
    replica: int,
    drain: float,
    faults_file: Path | None = None,
    faults_seed: int | None = None,
) -> None:
    """Serve a process on its own, until a signal says so.

    It listens where its topology says; otherwise on a Unix socket below ``.freestone``, where those that are started
    by hand beside it find it. Raises UsageMistake if there is no such replica, ConfigurationError if there is no such
    process, or something in the application's file, its settings or the faults is wrong.
    """
    start_logging()
    made = plan(the_application(file), topology)
    planned = made.process(process)
    if made.needs_nats:
        problem = f"NATS carries the events of {made.application} between its processes, and nobody says where it is"
        advice = 'write [nats] url = "nats://…"; only `freestone run` starts a server of its own'
        raise ConfigurationError([Mistake("nats.url", problem, advice, str(made.app.path))])
    if replica >= planned.replicas:
        raise UsageMistake(f"{process} has {planned.replicas} replicas, numbered from 0; there is no {replica}")
    directory = _meeting_place(made)
    wire = planned.listen or planned.addresses(directory)[replica]
    gateway = None
    if planned.gateway is not None:
        gateway = listen_tcp(planned.gateway.listen.host, planned.gateway.listen.port)
    faulty = faulty_run(faults_file, made.app, faults_seed)
    if faulty is not None:
        typer.echo(faulty)
    seat = Seat(made, process, replica, wire, gateway, peers_anywhere(made, process, directory), faulty, discover=True)

    def ready(host: Host) -> None:
        also = f", gateway on {host.address}" if host.address else ""
        typer.echo(f"{made.application}: {process} serves on {wire}{also}")

    run_loop(serve_here(seat, drain, ready))


def _meeting_place(made: Plan) -> Path:
    """Return the directory where processes that are started by hand have their sockets, and find those of the others.

    It is below the application's home, unless that path is too long for a socket; then it is one of this user's
    own where temporary files are, named after it.
    """
    directory = made.app.home / "run" / made.topology
    try:
        for process in made.processes:
            process.addresses(directory)
    except ConfigurationError:
        digest = hashlib.sha256(str(directory).encode()).hexdigest()[:12]
        directory = Path(tempfile.gettempdir()) / f"freestone-{os.getuid()}-{digest}"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        mistake = Mistake(str(directory), "others may write there", "remove it, or take away the rights of others")
        raise ConfigurationError([mistake])
    return directory


@contextmanager
def _tenancy(file: Path, topology: str, drain: float, given: Inheritance, lifeline: Lifeline) -> Generator[Lifeline]:
    """Watch the supervisor, and tell it why this process can't be started if it can't."""
    end_tidily()
    tenancy = Tenancy(lifeline, RuntimeDirectory(given.directory), RunFile(home() or file.parent / HOME_NAME, topology))
    tenancy.begin(grace=drain + GRACE)
    try:
        yield lifeline
    except Exception as error:
        sentence, status = explain(error)
        if status == CONFIGURATION_EXIT:
            lifeline.refuse(sentence)
        raise
    finally:
        tenancy.end()


def _inherited(fd: int) -> socket.socket:
    os.set_inheritable(fd, False)
    return socket.socket(fileno=fd)
