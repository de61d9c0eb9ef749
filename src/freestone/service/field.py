"""Typed fields of an application's own in the context of every call: a tenant, a locale, an experiment.

A value that is set around a block is there in every callee, however deep, wherever that runs. It crosses as
MessagePack, and is validated where it arrives. A process that has not declared a field passes it on unread.
"""

from __future__ import annotations

import functools
import sys
import weakref
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, final, overload

from freestone.clock import trace_id as new_trace_id
from freestone.contract import REQUIRED, Place, Report, immutable_codec
from freestone.errors import InvalidArgument

from .context import CURRENT, Context, within
from .extra import NOTHING

T = TypeVar("T")

MAX_FIELD: Final = 1024
"""Bytes that the value of one field may have."""
MAX_FIELDS: Final = 8192
"""Bytes that all fields of a call may have together, with their names."""

_DECLARED: weakref.WeakValueDictionary[str, ContextField[Any]] = weakref.WeakValueDictionary()


@final
class ContextField(Generic[T]):
    """A typed value that goes with every call made in a block, and with those that they lead to.

    >>> REGION = ContextField[str]("region", default="north")
    >>> REGION.get()
    'north'
    >>> with REGION.set("south"):
    ...     REGION.get()
    'south'

    Args:
        name: What it is called between processes; an application has one field of that name.
        kind: The type of its values, which can't be mutable. ``ContextField[str]("tenant")`` says the same.
        default: What it is where nobody has set it. Without one, ``get`` raises LookupError there.

    Raises DeclarationError for a type that can't cross or is mutable, a default that is not of the type, and a name
    that another field has.
    """

    __slots__ = ("__weakref__", "_codec", "_default", "name")

    @overload
    def __init__(self, name: str, /, *, default: T = ...) -> None: ...  # pyright: ignore[reportInvalidTypeVarUse]
    @overload
    def __init__(self, name: str, /, kind: type[T], *, default: T = ...) -> None: ...
    def __init__(self, name: str, /, kind: Any = REQUIRED, *, default: Any = REQUIRED) -> None:
        frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        place = functools.partial(Place, frame.f_code.co_filename, frame.f_lineno)
        report, owner = Report(), f"context field {name}"
        if name in _DECLARED:
            report.add(owner, "another field has that name", "give one of them another name", place)
        if kind is REQUIRED:
            report.add(owner, "it has no type", f'say ContextField("{name}", str), or what it is', place)
        codec = None if kind is REQUIRED else immutable_codec(owner, kind, place, report)
        if codec is not None and default is not REQUIRED:
            try:
                default = codec.decode(codec.encode(default))
            except InvalidArgument as error:
                report.add(owner, f"its default {default!r} is wrong: {error}", "change one of them", place)
        report.raise_if_any()
        assert codec is not None
        self.name = name
        self._codec = codec
        self._default = default
        _DECLARED[name] = self

    if not TYPE_CHECKING:

        def __class_getitem__(cls, kind: Any) -> Any:
            # The type is needed when the field is made, before the alias that typing would make knows of it.
            return functools.partial(cls, kind=kind)

    def get(self) -> T:
        """Return what the field is here: the innermost value that is set, here or in a caller, or the default.

        Raises LookupError if there is neither.
        """
        context = CURRENT.get()
        extra = None if context is None else context.extra
        if extra is not None:
            if self in extra.known:
                return extra.known[self]  # type: ignore[no-any-return]
            data = extra.fields.get(self.name)
            if data is not None:
                value = extra.known[self] = self.decode(data)
                return value
        if self._default is REQUIRED:
            raise LookupError(
                f"the context field {self.name} is not set here; set it around the call, or give it a default"
            )
        return self._default  # type: ignore[no-any-return]

    def set(self, value: T) -> AbstractContextManager[Context]:
        """Return a context manager that gives the field a value, for its block and all calls made in it.

        Raises TypeError for a value that is not of the field's type, ValueError for one of more than 1024 bytes, or if
        all fields together had more than 8192.
        """
        try:
            data = self._codec.encode(value)
            value = self._codec.decode(data)
        except InvalidArgument as error:
            raise TypeError(f"the context field {self.name} can't be {value!r}: {error}") from None
        if len(data) > MAX_FIELD:
            raise ValueError(
                f"the context field {self.name} has {len(data)} bytes, and at most {MAX_FIELD} travel with every call; "
                "send what is larger as an argument"
            )
        outer = CURRENT.get()
        before = (None if outer is None else outer.extra) or NOTHING
        extra = before.with_field(self, self.name, data, value)
        size = sum(len(name) + len(it) for name, it in extra.fields.items())
        if size > MAX_FIELDS:
            raise ValueError(
                f"with {self.name} the context fields have {size} bytes, and at most {MAX_FIELDS} travel with every "
                "call; send what is larger as an argument"
            )
        context = (
            Context(None, None, None, None, new_trace_id())
            if outer is None
            else outer.derive(outer.deadline, outer.task, outer.identity)
        )
        context.extra = extra
        return within(context)

    def decode(self, data: bytes) -> T:
        """Return the value that came as these bytes. Raises InvalidArgument."""
        try:
            return self._codec.decode(data)  # type: ignore[no-any-return]
        except InvalidArgument as error:
            raise InvalidArgument(f"the context field {self.name} is wrong: {error}") from None

    def __repr__(self) -> str:
        return f"<context field {self.name}>"


def declared_field(name: str) -> ContextField[Any] | None:
    """Return the field of that name that this process has declared."""
    return _DECLARED.get(name)
