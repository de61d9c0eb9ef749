"""``freestone db``: the databases of the services. What its commands do is in ``databases`` and ``shell``."""

from __future__ import annotations

from typing import Annotated

import typer

from . import completion
from .options import File, Json, Yes, examples

program = typer.Typer(no_args_is_help=True, help="Look at the services' databases, and migrate them.")

One = Annotated[str, typer.Argument(help="A service that has a database.", autocompletion=completion.own_services)]
Any_ = Annotated[
    str | None,
    typer.Argument(
        help="A service that has a database; otherwise all.", autocompletion=completion.own_services, show_default=False
    ),
]


@program.command(
    epilog=examples(
        "$ freestone db upgrade                 all services",
        "$ freestone db upgrade catalog",
        "$ freestone db upgrade catalog --to 0002",
    )
)
def upgrade(
    service: Any_ = None,
    to: Annotated[str, typer.Option(help="A revision, the beginning of one, head, or +1.")] = "head",
    file: File = None,
    yes: Yes = False,
) -> None:
    """Apply the migrations that a database lacks: all of them, or none.

    Asks before it does what takes data away.
    """
    from .databases import upgrade

    upgrade(file, service, to, yes)


@program.command(
    epilog=examples(
        "$ freestone db downgrade catalog --to 0001",
        "$ freestone db downgrade catalog --to -1       the last one",
        "$ freestone db downgrade catalog --to base     all of them",
    )
)
def downgrade(
    service: One,
    to: Annotated[str, typer.Option(help="The revision that stays, the beginning of one, base, or -1.")],
    file: File = None,
    yes: Yes = False,
) -> None:
    """Take migrations back, the latest first. Asks before it does what takes data away."""
    from .databases import downgrade

    downgrade(file, service, to, yes)


@program.command(
    epilog=examples(
        '$ freestone db revision catalog -m "books have copies"',
        '$ freestone db revision catalog -m "books have copies" --autogenerate',
    )
)
def revision(
    service: One,
    message: Annotated[str, typer.Option("--message", "-m", help="What changes, in a few words.")],
    autogenerate: Annotated[
        bool, typer.Option("--autogenerate", help="Write the steps to the tables that the code has.")
    ] = False,
    file: File = None,
) -> None:
    """Write the next migration into the service's folder, empty or from the tables of the code."""
    from .databases import revision

    revision(file, service, message, autogenerate)


@program.command(epilog=examples("$ freestone db history", "$ freestone db history catalog --json"))
def history(service: Any_ = None, file: File = None, json: Json = False) -> None:
    """List the migrations, the oldest first, and mark where each database is."""
    from .databases import history

    history(file, service, json)


@program.command(epilog=examples("$ freestone db check", "$ freestone db check catalog --json"))
def check(service: Any_ = None, file: File = None, json: Json = False) -> None:
    """Say what is missing: migrations that a database lacks, and tables that no migration makes.

    Exits with 1 if anything is. The tables of the code are compared with what the migrations make of an empty
    database, so this needs none that runs.
    """
    from .databases import check

    check(file, service, json)


@program.command(epilog=examples("$ freestone db provision", "$ freestone db provision catalog"))
def provision(service: Any_ = None, file: File = None) -> None:
    """Make the roles and schemas of services in the database of PostgreSQL that they share.

    The URL's own role does it, which must be a superuser or have CREATEROLE. What is there already stays; passwords
    are set again, as they follow that of the URL. In development services do this by themselves.
    """
    from .databases import provision

    provision(file, service)


@program.command(epilog=examples("$ freestone db url catalog", "$ freestone db url --json"))
def url(service: Any_ = None, file: File = None, json: Json = False) -> None:
    """Print where a database is. A password is not shown."""
    from .databases import url

    url(file, service, json)


@program.command(
    epilog=examples("$ freestone db shell catalog", '$ echo "select count(*) from path" | freestone db shell catalog')
)
def shell(service: One, file: File = None) -> None:
    """Open the database in its own program: sqlite3 or psql."""
    from .shell import shell

    shell(file, service)
