"""``freestone certificates``: an authority and certificates, for development."""

from __future__ import annotations

from pathlib import Path

import typer

from freestone.app import CLIENT
from freestone.clock import SystemClock
from freestone.deploy.certificates import Authority, certify_all

from .application import the_file
from .failure import UsageMistake


def certificates(file: Path | None, topology: str | None, directory: Path, days: float) -> None:
    """Make a certificate for each process of a topology, or of all that the file has, and one for this program.

    Raises UsageMistake if there is no such topology, ConfigurationError if they can't be made.
    """
    application = the_file(file)
    if topology is not None and topology not in application.topologies:
        raise UsageMistake(
            f'{application.name} has no topology "{topology}"; it has {", ".join(application.topologies)}'
        )
    chosen = [application.topologies[topology]] if topology is not None else list(application.topologies.values())
    processes = list(dict.fromkeys([*(each.name for one in chosen for each in one.processes), CLIENT]))
    now = SystemClock().now()
    authority = Authority(directory, now)
    typer.echo(f"{'made' if authority.made else 'used'} the authority {authority.path}")
    for process, files in zip(processes, certify_all(authority, application.name, processes, days), strict=True):
        typer.echo(f"made {files.certificate} and its key, for {application.name}/{process}")
    inside = directory.resolve().is_relative_to(application.directory.resolve())
    shown = directory.resolve().relative_to(application.directory.resolve()) if inside else directory.resolve()
    typer.echo(f"\nName them in {application.path.name}, and keep the keys out of your repository:\n")
    typer.echo("[tls]")
    typer.echo(f'certificate = "{shown}/{{process}}.pem"')
    typer.echo(f'key         = "{shown}/{{process}}.key"')
    typer.echo(f'authorities = "{shown}/{authority.path.name}"')
