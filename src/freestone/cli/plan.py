"""``freestone plan``: what would run where."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from freestone.app import describe, plan, render

from .application import the_application


def show_plan(file: Path | None, topology: str | None, as_json: bool) -> None:
    """Print the plan of a topology."""
    made = plan(the_application(file), topology)
    typer.echo(json.dumps(describe(made), indent=2) if as_json else render(made), nl=as_json)
