"""The program: its commands, their options and their help.

Nothing that a command does is imported here: a command imports it when it is given, so that ``freestone
--help`` and the completion of a shell are quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import completion, db, events
from .group import Program
from .imports import importing
from .options import File, Json, Topology, examples

app = typer.Typer(
    cls=Program,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
contracts = typer.Typer(no_args_is_help=True, help="Look at contracts.")
app.add_typer(contracts, name="contract")
app.add_typer(db.program, name="db")
app.add_typer(events.program, name="events")


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="freestone")


Faults = Annotated[
    Path | None,
    typer.Option(
        "--faults",
        metavar="FILE",
        help="What goes wrong on purpose: latency, errors, refusals, drops, cuts and slow bytes, each on an edge.",
        show_default=False,
    ),
]
FaultsSeed = Annotated[
    int | None,
    typer.Option(min=0, help="The seed of the faults, instead of the file's: it repeats a run.", show_default=False),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"freestone {version('freestone')}")
        raise typer.Exit


@app.callback(
    epilog=examples(
        "$ freestone new shop          a small application to start from",
        "$ freestone run               all of it in one process",
        "$ freestone run split         the same, cut into processes",
        "$ freestone ps                what runs",
    )
)
def freestone(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Build an application as small services; run it as one process, or cut it into many."""


@app.command(
    epilog=examples("$ freestone new shop", "$ freestone new shop --directory ~/work/shop"),
)
def new(
    name: Annotated[str, typer.Argument(help="The application's name, such as shop or learning-paths.")],
    directory: Annotated[
        Path | None,
        typer.Option(help="Where to make it; otherwise a directory of that name, here.", show_default=False),
    ] = None,
) -> None:
    """Make a small application that runs and passes its tests."""
    from .new import new

    new(name, directory)


@app.command(
    epilog=examples(
        "$ freestone run",
        "$ freestone run split",
        "$ freestone run split --file ../academy --listen 127.0.0.1:0",
        "$ freestone run split --faults bad-day.toml --faults-seed 7",
    ),
)
def run(
    topology: Topology = None,
    file: File = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where the gateway serves HTTP, instead of where the file says; port 0 is any free one.",
            show_default=False,
        ),
    ] = None,
    drain: Annotated[
        float, typer.Option(min=0, help="Seconds in which calls in flight may finish when it is stopped.")
    ] = 30.0,
    faults: Faults = None,
    faults_seed: FaultsSeed = None,
) -> None:
    """Run the application on this machine until Ctrl-C.

    Starts the processes of a topology, starts those again that crash, and drains them when it is stopped; the
    second Ctrl-C kills them. A topology of one process runs in this one.
    """
    with importing():
        from .run import run

    run(file, topology, listen, drain, faults, faults_seed)


@app.command(
    epilog=examples(
        "$ freestone serve catalog --topology split",
        "$ freestone serve edge --topology split --drain 60",
    ),
)
def serve(
    process: Annotated[str, typer.Argument(help="A process of the topology.", autocompletion=completion.processes)],
    topology: Annotated[
        str | None,
        typer.Option(
            "--topology",
            "-t",
            help="The topology that has the process; otherwise the first.",
            autocompletion=completion.topologies,
            show_default=False,
        ),
    ] = None,
    file: File = None,
    drain: Annotated[
        float, typer.Option(min=0, help="Seconds in which calls in flight may finish when it is stopped.")
    ] = 30.0,
    faults: Faults = None,
    faults_seed: FaultsSeed = None,
    replica: Annotated[int, typer.Option(min=0, help="Which replica of the process this is.")] = 0,
) -> None:
    """Run one process of a topology, as a container does."""
    with importing():
        from .serve import serve

    serve(file, topology, process, replica, drain, faults, faults_seed)


@app.command(epilog=examples("$ freestone plan", "$ freestone plan split --json"))
def plan(topology: Topology = None, file: File = None, json: Json = False) -> None:
    """Show which process holds which services, and how calls get from one to the other."""
    from .plan import show_plan

    show_plan(file, topology, json)


@app.command(epilog=examples("$ freestone ps", "$ freestone ps --json"))
def ps(file: File = None, json: Json = False) -> None:
    """Show what runs of the application: processes, memory, restarts."""
    from .ps import ps

    ps(file, json)


@app.command(
    epilog=examples(
        "$ freestone call catalog.path path=microservices",
        "$ freestone call progress.complete learner=ada path=microservices resource=cap",
        '$ freestone call catalog.search \'query={"words": ["cap"]}\' --deadline 2 --as ada',
    )
)
def call(
    operation: Annotated[
        str, typer.Argument(help="SERVICE.METHOD, such as catalog.path.", autocompletion=completion.operations)
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(help="NAME=VALUE for each parameter; a value is JSON, or else text.", show_default=False),
    ] = None,
    file: File = None,
    topology: Annotated[
        str | None,
        typer.Option(
            "--topology",
            "-t",
            help="Which run to call, if several run.",
            autocompletion=completion.topologies,
            show_default=False,
        ),
    ] = None,
    deadline: Annotated[
        float | None, typer.Option(help="Seconds until the call is given up.", min=0, show_default=False)
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--as", help="On whose behalf the call is made.", show_default=False)
    ] = None,
) -> None:
    """Call a service of the application that runs, and print the result as JSON.

    A stream prints one item a line.
    """
    from .call import call

    call(file, topology, operation, arguments or [], deadline, subject)


@app.command(
    epilog=examples(
        "$ freestone certificates certificates",
        "$ freestone certificates /tmp/certificates --topology split --days 30",
    )
)
def certificates(
    directory: Annotated[Path, typer.Argument(help="Where to put them. An authority that is there is used again.")],
    topology: Annotated[
        str | None,
        typer.Option(
            "--topology",
            "-t",
            help="The topology whose processes get one; otherwise those of all.",
            autocompletion=completion.topologies,
            show_default=False,
        ),
    ] = None,
    file: File = None,
    days: Annotated[float, typer.Option(min=0.001, help="Days for which they hold.")] = 365.0,
) -> None:
    """Make certificates for development: an authority, and one for each process.

    Prints the lines for freestone.toml. It also makes one for `client`, which is what `freestone call` and
    `freestone ps` are. In production an authority that renews certificates by itself does this.
    """
    from .certificates import certificates

    certificates(file, topology, directory, days)


@contracts.command(
    "show",
    epilog=examples(
        "$ freestone contract show catalog",
        "$ freestone contract show academy.progress.contract:Progress --json",
    ),
)
def contract_show(
    target: Annotated[
        str,
        typer.Argument(
            help="A service of the application, or package.module:Contract.", autocompletion=completion.services
        ),
    ],
    file: File = None,
    json: Json = False,
) -> None:
    """Print what a contract promises: its operations and their types, or its schema as JSON."""
    from .contract import show

    show(target, file, json)
