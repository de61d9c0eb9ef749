"""What crosses a boundary: messages, and the events that a service announces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class MessageMeta(msgspec.StructMeta):
    """Tells type checkers that messages are frozen without saying so each time."""


class Message(msgspec.Struct, frozen=True, metaclass=MessageMeta):
    """An immutable record with typed fields; crosses every boundary.

    >>> class Enrolment(Message):
    ...     learner: str
    ...     done: tuple[str, ...] = ()
    >>> Enrolment(learner="ada")
    Enrolment(learner='ada', done=())

    On the wire it is a map by field name. A reader ignores fields that it does not know and fills in the
    defaults of those it misses, so a field with a default can be added at any time.
    """


class EventMeta(MessageMeta):
    """Takes the class keywords of an event."""

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
        cls.__event_key__ = key
        cls.__event_name__ = name or class_name
        cls.__event_version__ = version
        return cls


class Event(Message, metaclass=EventMeta):
    """A fact that a service announces, declared with the field by which it is ordered.

    >>> class ResourceCompleted(Event, key="learner"):
    ...     learner: str
    ...     resource: str

    ``key`` names a field: subscribers see the events that share its value in order. ``name`` is what it is
    called outside, the name of the class by default; ``version`` counts breaking changes of its fields.
    """

    __event_key__: ClassVar[str | None]
    __event_name__: ClassVar[str]
    __event_version__: ClassVar[int]

    if TYPE_CHECKING:

        def __init_subclass__(
            cls, *, key: str | None = None, name: str | None = None, version: int = 1, **options: Any
        ) -> None: ...
