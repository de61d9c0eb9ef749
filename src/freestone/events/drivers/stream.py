"""What an application's stream is to be, and what it is: pure, in the words of JetStream's JSON API.

Only what Freestone decides is compared and written. The rest of a stream's configuration, as its placement or its
compression, is the operator's, and stays.

A stream refuses what it has no room for (``discard: new``): the events wait in their publisher's database, where they
are safe, and the publisher hears of it. The other policy would remove what nobody may have read yet. What ends the life
of an event is its age alone, which is the same in the publisher's database and in the stream.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Literal, final

import msgspec

from .subjects import all_subjects, stream_name

_NANOSECONDS: Final = 10**9
Json = dict[str, Any]


@final
class StreamSettings(msgspec.Struct, frozen=True):
    """What an application's stream is to be."""

    replicas: int = 1
    """How many servers of a cluster keep each event."""
    storage: Literal["file", "memory"] = "file"
    keep: float = 14 * 86400.0
    """Seconds for which an event is kept."""
    max_bytes: int | None = None
    """What the stream keeps at most; beyond it, events are refused. None is no limit but the server's."""
    duplicate_window: float = 120.0
    """Seconds in which an event is absorbed that is there already."""
    atomic: bool = True
    """Whether it takes batches, where the server knows them."""


@final
class Stream(msgspec.Struct, frozen=True):
    """A stream, as its server describes it."""

    name: str
    identity: str
    """When it was made. One that was made anew has another."""
    first: int
    """The sequence of the first message that is left; one past the last if none is."""
    last: int
    """The sequence of the last message that there ever was."""
    atomic: bool
    """Whether it takes several messages at once, all or none."""
    keep: float = math.inf
    """Seconds for which it keeps a message."""

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Stream:
        """Return the stream that ``STREAM.INFO`` describes."""
        config, state = info["config"], info["state"]
        first, last = int(state["first_seq"]), int(state["last_seq"])
        return cls(
            name=config["name"],
            identity=info["created"],
            first=first if int(state["messages"]) else last + 1,
            last=last,
            atomic=bool(config.get("allow_atomic")),
            keep=int(config.get("max_age") or 0) / _NANOSECONDS or math.inf,
        )


def created(application: str, settings: StreamSettings, *, atomic: bool) -> Json:
    """Return the configuration of a stream that is made. ``atomic`` is whether the server knows batches."""
    return {
        "name": stream_name(application),
        "description": f"The events of {application}, by Freestone",
        "subjects": [all_subjects(application)],
        "retention": "limits",
        "discard": "new",
        "storage": settings.storage,
        "allow_direct": True,
        **_changing(settings, atomic),
    }


def updated(config: Mapping[str, Any], application: str, settings: StreamSettings, *, atomic: bool) -> Json | None:
    """Return the configuration with what the settings say now; None if it says so already.

    What a stream can't become, another storage, is left as it is: ``misfit`` tells of it.
    """
    wanted: Json = {**_changing(settings, atomic), "discard": "new"}
    subjects = list(config.get("subjects") or [])
    if all_subjects(application) not in subjects:
        wanted["subjects"] = [*subjects, all_subjects(application)]
    changed = {key: value for key, value in wanted.items() if config.get(key) != value}
    return {**config, **changed} if changed else None


def misfit(config: Mapping[str, Any], settings: StreamSettings) -> str:
    """Return what the stream can never become, as a sentence; empty if there is nothing."""
    found = config.get("storage")
    if found == settings.storage:
        return ""
    return f"the stream {config['name']} keeps events in {_place(str(found))}, and it is to be {settings.storage}"


def _place(storage: str) -> str:
    return "files" if storage == "file" else storage


def _changing(settings: StreamSettings, atomic: bool) -> Json:
    changing: Json = {
        "num_replicas": settings.replicas,
        "max_age": int(settings.keep * _NANOSECONDS),
        "max_bytes": settings.max_bytes or -1,
        "duplicate_window": int(settings.duplicate_window * _NANOSECONDS),
    }
    return {**changing, "allow_atomic": True} if atomic else changing
