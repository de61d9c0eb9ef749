"""How an event that was published in an older version is brought up to the present one.

Pure functions from the fields of one version to those of the next, declared in the event's own class::

    class ResourceCompleted(Event, key="learner", version=3):
        learner: str
        resource: str
        minutes: int

        @upcast(from_version=1)
        @staticmethod
        def with_resource(fields: dict[str, Any]) -> dict[str, Any]:
            return {"learner": fields["learner"], "resource": fields["course"]}

        @upcast(from_version=2)
        @staticmethod
        def with_minutes(fields: dict[str, Any]) -> dict[str, Any]:
            return {**fields, "minutes": 0}

They are applied one after another, so a later version adds one and leaves the others as they are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from .place import class_place
from .report import Report

Fields: TypeAlias = dict[str, Any]
Upcaster: TypeAlias = Callable[[Fields], Fields]
F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__upcasts_from__"


def upcast(*, from_version: int) -> Callable[[F], F]:
    """Declare how the fields of a version of an event become those of the next one.

    It stands above ``@staticmethod``, in the body of the event. The function takes a dict of builtins, as JSON or
    MessagePack has them, and returns one. What it raises sets the event aside at the subscriber.

    >>> from freestone import Event
    >>> class Read(Event, key="path", version=2):
    ...     path: str
    ...     minutes: int
    ...     @upcast(from_version=1)
    ...     @staticmethod
    ...     def with_minutes(fields: dict[str, Any]) -> dict[str, Any]:
    ...         return {**fields, "minutes": 0}
    """

    def mark(function: F) -> F:
        setattr(getattr(function, "__func__", function), _MARK, from_version)
        return function

    return mark


def upcasters(event: type) -> Mapping[int, Upcaster]:
    """Return the upcasters of an event, by the version that each begins with."""
    marked = [getattr(attribute, "__func__", attribute) for attribute in vars(event).values()]
    return {getattr(function, _MARK): function for function in marked if hasattr(function, _MARK)}


def upcasted(event: Any, fields: Fields, version: int) -> Fields:
    """Return the fields of an event that was published in that version as its present version has them.

    Raises LookupError if there is no way up to it, or it is of a later version than is known here; and what an
    upcaster raises.
    """
    present: int = event.__event_version__
    name = event.__event_name__
    if version > present:
        raise LookupError(
            f"{name} was published in version {version}, and this process knows it up to version {present}; "
            "deploy the newer contract here"
        )
    steps = upcasters(event)
    for step in range(version, present):
        if step not in steps:
            raise LookupError(
                f"{name} was published in version {version}, and nothing brings version {step} up to {step + 1}; "
                f"declare @upcast(from_version={step}) in {event.__name__}"
            )
        fields = steps[step](fields)
    return fields


def check_upcasters(event: type[Any], report: Report) -> None:
    """Report what is wrong with the upcasters of an event."""
    present: int = event.__event_version__
    known: dict[int, str] = {}
    for name, attribute in vars(event).items():
        start = getattr(getattr(attribute, "__func__", attribute), _MARK, None)
        if start is None:
            continue
        title = f"{event.__name__}.{name}"
        place = functools.partial(class_place, event, name)
        if not isinstance(attribute, staticmethod):
            report.add(title, "it is given no event, only fields", "say @staticmethod below @upcast(…)", place)
        if not isinstance(start, int) or start < 1:
            report.add(title, f"it upcasts from version {start!r}", "count from 1", place)
            continue
        if start >= present:
            report.add(
                title, f"it upcasts from version {start}, and {event.__name__} has version {present}",
                f"say version={start + 1} at the class", place,
            )  # fmt: skip
            continue
        other = known.setdefault(start, name)
        if other != name:
            report.add(title, f"{other} upcasts from version {start} already", "take one of them out", place)
    missing = [start for start in range(min(known, default=present), present) if start not in known]
    for start in missing:
        report.add(
            event.__name__, f"it has upcasters, and none from version {start}",
            f"declare @upcast(from_version={start})", functools.partial(class_place, event),
        )  # fmt: skip
