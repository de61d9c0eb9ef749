"""Asks a person before something is lost."""

from __future__ import annotations

import sys

import typer

from .failure import SERVICE_EXIT, UsageMistake


def ask(question: str) -> None:
    """Go on if the answer is yes, and exit with 1 if it is no. Raises UsageMistake where nobody is there to answer."""
    try:
        agreed = typer.confirm(question)
    except typer.Abort:
        if sys.stdin.isatty():  # somebody is, and wants to stop
            raise
        typer.echo()
        raise UsageMistake("nobody is there to answer, and nothing was done; --yes is an answer") from None
    if not agreed:
        raise typer.Exit(SERVICE_EXIT)
