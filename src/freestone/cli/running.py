"""What runs of the application here, found by its files."""

from __future__ import annotations

from freestone.app import ApplicationFile
from freestone.deploy.supervisor import RunRecord, running
from freestone.errors import Unavailable

from .failure import UsageMistake


def the_run(file: ApplicationFile, topology: str | None) -> RunRecord:
    """Return the run that is meant: the one of the topology, or the only one.

    Raises Unavailable if none runs, and UsageMistake if several do and none is named.
    """
    runs = {run.topology: run for run in running(file.directory)}
    if topology is not None and topology not in runs:
        raise Unavailable(f"{file.name} does not run as {topology} here; start it with `freestone run {topology}`")
    if not runs:
        raise Unavailable(f"{file.name} does not run here; start it with `freestone run`")
    if topology is None and len(runs) > 1:
        raise UsageMistake(f"{file.name} runs as {' and as '.join(runs)}; name one with --topology")
    return runs[topology or next(iter(runs))]
