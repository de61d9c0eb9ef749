"""One process of a run, served for the supervisor that has started it."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from freestone.app import HOME_NAME, plan
from freestone.deploy.supervisor import (
    CONFIGURATION_EXIT,
    Lifeline,
    RunFile,
    RuntimeDirectory,
    Tenancy,
    outline_of,
    own_nats,
)

from .application import home, the_application_of
from .ending import end_tidily
from .failure import explain
from .faulty import faulty_run
from .inheritance import Inheritance
from .serving import Seat, peers, run_loop, serve_here, start_logging

GRACE = 5.0
"""Seconds beyond the drain time after which an orphan is ended, whatever it is doing."""


def serve_child(given: Inheritance, lifeline_fd: int) -> None:
    """Serve a process until the supervisor says so or is gone.

    The supervisor has looked at the whole application; here it is known as far as this process needs it.
    """
    lifeline = Lifeline(lifeline_fd)
    file, directory = Path(given.file), Path(given.directory)
    with _tenancy(given, lifeline):
        start_logging()
        app = the_application_of(file, given.topology, given.process, outline_of(directory))
        made = plan(replace(app, nats=app.nats or own_nats(directory)), given.topology)
        wire = _inherited(given.wire)
        gateway = None if given.gateway is None else _inherited(given.gateway)
        faulty = faulty_run(None if given.faults is None else Path(given.faults), None, given.seed)
        seat = Seat(made, given.process, given.replica, wire, gateway, peers(made, given.process, directory), faulty)
        run_loop(serve_here(seat, given.drain, lambda _: lifeline.ready()))


@contextmanager
def _tenancy(given: Inheritance, lifeline: Lifeline) -> Generator[None]:
    """Watch the supervisor, and tell it why this process can't be started if it can't."""
    end_tidily()
    record = RunFile(home() or Path(given.file).parent / HOME_NAME, given.topology)
    tenancy = Tenancy(lifeline, RuntimeDirectory(Path(given.directory)), record)
    tenancy.begin(grace=given.drain + GRACE)
    try:
        yield
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
