"""The group of all commands, which tells in a sentence what one of them raises."""

from __future__ import annotations

import errno
import sys
import traceback
from typing import Any, final

import typer
from typer.core import TyperGroup

from .failure import explain


@final
class Program(TyperGroup):
    """The group of all commands; whatever one of them raises is told in a sentence."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            # What Typer raises it also prints; and a reader that is gone (`freestone ps | head`) hears no
            # sentence.
            if type(error).__module__.startswith(("typer.", "click.")) or getattr(error, "errno", None) == errno.EPIPE:
                raise
            if ctx.params.get("debug"):
                traceback.print_exc()
            status = report(error)
            raise typer.Exit(status) from error


def report(error: Exception) -> int:
    """Print an error as a sentence; return the exit status for it."""
    sentence, status = explain(error)
    say(sentence)
    return status


def say(sentence: str) -> None:
    """Print the sentence of an error."""
    sys.stdout.flush()
    typer.secho("Error: ", fg=typer.colors.RED, bold=True, nl=False, err=True)
    typer.echo(sentence, err=True)
