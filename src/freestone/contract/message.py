"""What crosses a boundary: messages, and the events that a service announces."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

import msgspec

from .place import class_place
from .report import Report
from .scope import EVENTS, found, remember, scope_of
from .shape import Form, record_fields, shape_of, type_text
from .types import Spot, TypeCheck
from .upcast import check_upcasters

_NAME = r"[A-Za-z][A-Za-z0-9_-]*"


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))  # so that no subclass need say frozen
class Message(msgspec.Struct, frozen=True):
    """An immutable record with typed fields; crosses every boundary.

    >>> class Enrolment(Message):
    ...     learner: str
    ...     done: tuple[str, ...] = ()
    >>> Enrolment(learner="ada")
    Enrolment(learner='ada', done=())

    On the wire it is a map by field name. A reader ignores fields that it does not know and fills in the
    defaults of those it misses, so a field with a default can be added at any time.
    """


class EventMeta(msgspec.StructMeta):
    """Takes the class keywords of an event, and checks it when it is made."""

    def __new__(
        mcls,
        class_name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        /,
        *,
        key: str | None = None,
        name: str | None = None,
        version: int = 1,
        **options: Any,
    ) -> Any:
        cls: Any = super().__new__(mcls, class_name, bases, namespace, **options)
        cls.__event_key__ = key or getattr(cls, "__event_key__", None)
        cls.__event_name__ = name or class_name
        cls.__event_version__ = version
        if bases != (Message,):  # Event itself
            _check(cls)
            remember(cls, EVENTS)
        return cls


class Event(Message, metaclass=EventMeta):
    """A fact that a service announces, declared with the field by which it is ordered.

    >>> class ResourceCompleted(Event, key="learner"):
    ...     learner: str
    ...     resource: str

    ``key`` names a field: subscribers see the events that share its value in order. ``name`` is what it is
    called outside, the name of the class by default; ``version`` counts breaking changes of its fields. It belongs to
    the contract in whose module, or body, it is declared. Raises DeclarationError with all mistakes when the class is
    made.
    """

    __event_key__: ClassVar[str | None]
    __event_name__: ClassVar[str]
    __event_version__: ClassVar[int]

    if TYPE_CHECKING:

        def __init_subclass__(
            cls, *, key: str | None = None, name: str | None = None, version: int = 1, **options: Any
        ) -> None: ...


def _check(cls: Any) -> None:
    """Raise DeclarationError if the event is declared wrongly."""
    report = Report()
    place = functools.partial(class_place, cls)
    name, key, version = cls.__name__, cls.__event_key__, cls.__event_version__
    if not cls.__struct_config__.frozen:
        report.add(name, "an event is immutable", "leave out frozen=False", place)
    types = TypeCheck(report)
    fields = record_fields(cls)
    for field, kind in fields.items():
        types.check(Spot(name, f"field {field}", kind, functools.partial(class_place, cls, field), is_field=True))
    if not key:
        report.add(name, "it has no key", f'say class {name}(Event, key="…") with the field that orders it', place)
    elif key not in fields:
        known = ", ".join(fields) or "none"
        report.add(name, f'its key "{key}" is none of its fields', f"name one of them: {known}", place)
    elif shape_of(fields[key]).form is not Form.ATOM:
        report.add(
            f"{name}, field {key}: {type_text(fields[key])}", "a key is one value", "use text or a number",
            functools.partial(class_place, cls, key),
        )  # fmt: skip
    if version < 1:
        report.add(name, f"its version is {version}", "count from 1", place)
    check_upcasters(cls, report)
    called = cls.__event_name__
    if not re.fullmatch(_NAME, called):
        report.add(name, f'"{called}" is no name for an event', "use letters, digits, dashes and underscores", place)
    for other in found(scope_of(cls), EVENTS):
        said: Any = other
        if (said.__event_name__, said.__event_version__) == (called, version) and said.__qualname__ != cls.__qualname__:
            report.add(
                name, f"{said.__name__} has the name {called} already",
                "give one of them another name, or another version", place,
            )  # fmt: skip
    report.raise_if_any()
