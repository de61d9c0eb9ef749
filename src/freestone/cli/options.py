"""Options and arguments that several commands have, and how their examples are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import completion


def examples(*lines: str) -> str:
    """Return an epilogue. Its lines are put together by Typer unless an empty one is between them."""
    return "\n\n".join(["Examples:", *lines])


File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        "-f",
        envvar="FREESTONE_FILE",
        help="The application's freestone.toml, or its directory; otherwise the nearest one upwards from here.",
        show_default=False,
    ),
]
Topology = Annotated[
    str | None,
    typer.Argument(
        help="A topology of the application; otherwise its first.",
        autocompletion=completion.topologies,
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
