"""How a running process is looked at: through an ordinary contract that every host serves beside its services."""

from __future__ import annotations

import os
import resource
import sys
from datetime import datetime
from pathlib import Path
from typing import final

from freestone.clock import Clock
from freestone.contract import Contract, Message, query

CONTROL = "freestone"
"""The name under which every process serves ``Control``; no service may take it."""


class ProcessStatus(Message):
    """A running process, as it sees itself."""

    process: str
    replica: int
    pid: int
    services: tuple[str, ...]
    since: datetime
    memory: int
    """Resident memory in bytes."""


class Control(Contract):
    """A host, asked about itself."""

    @query
    async def status(self) -> ProcessStatus:
        """Return how this process is."""
        ...


@final
class ControlService(Control):
    """Answers for the process that it runs in."""

    def __init__(self, process: str, replica: int, services: tuple[str, ...], clock: Clock) -> None:
        self._process = process
        self._replica = replica
        self._services = services
        self._since = clock.now()

    async def status(self) -> ProcessStatus:
        """Return how this process is."""
        return ProcessStatus(
            process=self._process,
            replica=self._replica,
            pid=os.getpid(),
            services=self._services,
            since=self._since,
            memory=resident_memory(),
        )


def resident_memory() -> int:
    """Return this process's resident memory in bytes; where the system does not say, the most that it ever was."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
