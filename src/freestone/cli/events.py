"""``freestone events``: what services have announced, and what becomes of it. What its commands do is in
``announced``, ``kept`` and ``lagging``."""

from __future__ import annotations

from typing import Annotated

import typer

from . import completion
from .options import File, Json, Yes, examples

program = typer.Typer(
    no_args_is_help=True, help="Look at events: what was announced, what waits, and what was set aside."
)

Announcer = Annotated[
    str | None,
    typer.Option(
        "--service", "-s", help="Those of that service.", autocompletion=completion.own_services, show_default=False
    ),
]
Hearer = Annotated[
    str | None,
    typer.Option(
        "--service",
        "-s",
        help="Those that this service hears.",
        autocompletion=completion.own_services,
        show_default=False,
    ),
]
Subscription = Annotated[
    str | None, typer.Option("--subscription", help="Those of the subscription of that name.", show_default=False)
]
Type = Annotated[
    str | None,
    typer.Option("--type", "-t", help="Those of that type, with or without its service.", show_default=False),
]
Key = Annotated[str | None, typer.Option("--key", "-k", help="Those of that key.", show_default=False)]
Since = Annotated[
    str | None,
    typer.Option("--since", help="Those since then: 10m, 2h, 3d; or 2030-01-31, 2030-01-31T06:00.", show_default=False),
]
Ids = Annotated[list[str] | None, typer.Argument(help="Ids of events, or their beginnings.", show_default=False)]
Everything = Annotated[bool, typer.Option("--all", help="All that there are.")]
RunsAs = Annotated[
    str | None,
    typer.Option(
        "--topology",
        help="The topology that runs; otherwise the one that does, or the first.",
        autocompletion=completion.topologies,
        show_default=False,
    ),
]
Count = Annotated[int, typer.Option("--count", "-n", min=0, help="How many to show.")]


@program.command(
    epilog=examples(
        "$ freestone events tail",
        "$ freestone events tail --follow --type ResourceCompleted",
        "$ freestone events tail --service progress --key ada --since 2h --json",
    )
)
def tail(
    service: Announcer = None,
    kind: Type = None,
    key: Key = None,
    since: Since = None,
    count: Count = 20,
    follow: Annotated[bool, typer.Option("--follow", "-F", help="Go on with those that come, until Ctrl-C.")] = False,
    file: File = None,
    json: Json = False,
) -> None:
    """Show the events that were announced last, and with --follow those that come.

    With --json each is a line, a CloudEvent.
    """
    from .announced import tail
    from .choosing import chosen

    tail(file, service, chosen(kind=kind, key=key, since=since), count, follow, json)


@program.command(epilog=examples("$ freestone events pending", "$ freestone events pending --service progress --json"))
def pending(
    service: Annotated[
        str | None,
        typer.Option(
            "--service",
            "-s",
            help="What that service announces, or hears.",
            autocompletion=completion.own_services,
            show_default=False,
        ),
    ] = None,
    kind: Type = None,
    key: Key = None,
    since: Since = None,
    count: Count = 100,
    topology: RunsAs = None,
    file: File = None,
    json: Json = False,
) -> None:
    """Show what is still to be done: events that wait for the broker, are tried again, or wait for such.

    Those that were set aside are not among them: see `freestone events aside`.
    """
    from .announced import pending
    from .choosing import chosen

    pending(file, service, chosen(kind=kind, key=key, since=since), count, topology, json)


@program.command(
    epilog=examples(
        "$ freestone events aside",
        "$ freestone events aside 01936e5c            all about one: its data, and the trace of its error",
        "$ freestone events aside --subscription close_enrolments --since 1d --json",
    )
)
def aside(
    ids: Ids = None,
    service: Hearer = None,
    subscription: Subscription = None,
    kind: Type = None,
    key: Key = None,
    since: Since = None,
    count: Count = 100,
    file: File = None,
    json: Json = False,
) -> None:
    """Show the events that were set aside: what they failed with, how often they were tried, and where."""
    from .choosing import chosen
    from .kept import aside

    aside(file, service, chosen(ids, subscription, kind, key, since), count, json)


@program.command(
    epilog=examples(
        "$ freestone events retry 01936e5c",
        "$ freestone events retry --subscription close_enrolments",
        "$ freestone events retry --all",
    )
)
def retry(
    ids: Ids = None,
    service: Hearer = None,
    subscription: Subscription = None,
    kind: Type = None,
    key: Key = None,
    since: Since = None,
    everything: Everything = False,
    file: File = None,
    json: Json = False,
) -> None:
    """Have events tried again that were set aside, or wait for their next try; in the order of their key."""
    from .choosing import chosen
    from .kept import retry

    retry(file, service, chosen(ids, subscription, kind, key, since), everything, json)


@program.command(
    epilog=examples(
        "$ freestone events drop 01936e5c",
        "$ freestone events drop --subscription close_enrolments --key ada",
    )
)
def drop(
    ids: Ids = None,
    service: Hearer = None,
    subscription: Subscription = None,
    kind: Type = None,
    key: Key = None,
    since: Since = None,
    everything: Everything = False,
    file: File = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Forget events that were set aside, for good. What has waited for them goes on.

    Asks first. An event that is named by its id may also be one that is tried again, or waits.
    """
    from .choosing import chosen
    from .kept import drop

    drop(file, service, chosen(ids, subscription, kind, key, since), everything, yes, json)


@program.command(epilog=examples("$ freestone events forget progress.close_enrolments"))
def forget(
    name: Annotated[str, typer.Argument(metavar="SERVICE.SUBSCRIPTION", help="The subscription.", show_default=False)],
    file: File = None,
    yes: Yes = False,
) -> None:
    """Forget a subscription that the code has no more: its place, what it has handled and what it keeps.

    Asks first if it keeps events. Whoever is subscribed under that name later begins as a new one.
    """
    from .kept import forget

    forget(file, name, yes)


@program.command(
    epilog=examples(
        "$ freestone events republish --since 2h",
        "$ freestone events republish --since 2030-01-31T06:00 --service progress",
    )
)
def republish(
    since: Annotated[str, typer.Option("--since", help="10m, 2h, 3d; or 2030-01-31, 2030-01-31T06:00.")],
    service: Announcer = None,
    topology: RunsAs = None,
    file: File = None,
    json: Json = False,
) -> None:
    """Have events sent to the broker again, after it has lost some. Whoever had one already absorbs it.

    Services keep what they have announced for as long as `[events] keep` says. The application sends them as soon as
    it runs.
    """
    from .announced import republish
    from .choosing import moment

    republish(file, service, moment(since), topology, json)


@program.command(epilog=examples("$ freestone events lag", "$ freestone events lag --service progress --json"))
def lag(service: Hearer = None, topology: RunsAs = None, file: File = None, json: Json = False) -> None:
    """Show how far each subscription is behind, and what it keeps."""
    from .lagging import lag

    lag(file, service, topology, json)
