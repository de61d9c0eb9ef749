"""``academy``: what an author does on a command line.

The exit status is 0 when it is done, 1 when a document can't be read or taken in, 2 when the command line is wrong.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")


Application = Annotated[
    Path | None,
    typer.Option(
        "--application",
        "-a",
        envvar="FREESTONE_FILE",
        help="The freestone.toml of the application, or its directory; otherwise Academy's own.",
        show_default=False,
    ),
]
Home = Annotated[
    Path | None,
    typer.Option(
        envvar="FREESTONE_HOME",
        help="Where the application's runs keep their state and data; otherwise .freestone beside its file.",
        show_default=False,
    ),
]


@app.callback()
def academy() -> None:
    """Learning paths, for their authors."""


@app.command(
    "import",
    epilog="[bold]Examples[/bold]\n\n$ academy import tea.md\n\n$ academy import --application /srv/academy tea.md",
)
def import_(
    file: Annotated[Path, typer.Argument(help="A learning path as a Markdown document.", show_default=False)],
    application: Application = None,
    home: Home = None,
) -> None:
    """Take a learning path in.

    What can't be read is named, line by line, and nothing is changed then. To import a document twice changes nothing.
    """
    from academy.catalog.document import UnreadableDocument, load
    from academy.importing import APPLICATION, take_in
    from freestone.errors import FreestoneError

    try:
        document = load(file)
        imported = asyncio.run(take_in(document, application or APPLICATION, home and home.absolute()))
    except (UnreadableDocument, FreestoneError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    for change in imported.changes or ("nothing changed",):
        typer.echo(change)


@app.command(epilog="[bold]Example[/bold]\n\n$ academy retire tea")
def retire(
    path: Annotated[str, typer.Argument(help="The slug of a path, as its address has it.", show_default=False)],
    application: Application = None,
    home: Home = None,
) -> None:
    """Take a learning path out. What learners have done in it is kept, for the day on which it is imported again."""
    from academy.importing import APPLICATION, take_out
    from freestone.errors import FreestoneError

    try:
        asyncio.run(take_out(path, application or APPLICATION, home and home.absolute()))
    except FreestoneError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"retired {path}")


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="academy")
