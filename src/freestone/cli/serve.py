"""``freestone serve``: one process of a topology, as a container runs it."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from freestone.app import Host, Plan, plan
from freestone.deploy.supervisor import listen_tcp
from freestone.errors import ConfigurationError, Mistake

from .application import the_application
from .failure import UsageMistake
from .faulty import faulty_run
from .serving import Seat, peers_anywhere, run_loop, serve_here, start_logging


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
        needs = " and ".join(made.nats_carries)
        problem = f"{made.application} needs NATS for its {needs}, and nobody says where that is"
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
        print(faulty)
    seat = Seat(made, process, replica, wire, gateway, peers_anywhere(made, process, directory), faulty, discover=True)

    def ready(host: Host) -> None:
        also = f", gateway on {host.address}" if host.address else ""
        print(f"{made.application}: {process} serves on {wire}{also}")

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
