"""Tables on a terminal, and in a file where nothing is cut off."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeAlias

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 1000
"""Columns where the output is no terminal: nothing is cut off there."""

Column: TypeAlias = str


def print_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, numbers: Collection[str] = (), heading: bool = True
) -> None:
    """Print rows under headings; those of ``numbers`` are aligned to the right."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDE)
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=heading)
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    with console.capture() as capture:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


def shown_moment(moment: datetime) -> str:
    """Return a time for people, by the clocks of this machine.

    >>> from datetime import UTC
    >>> len(shown_moment(datetime(2030, 1, 31, 6, tzinfo=UTC)))
    19
    """
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
