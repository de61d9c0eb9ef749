"""What a type is made of, in the few words that a boundary needs.

Declarations are checked, values are copied and contracts are printed by walking types. ``shape_of`` is the one place
that knows how Python's typing spells things.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import types
import typing
import uuid
from collections import abc
from collections.abc import Iterator, Mapping
from typing import Any, NewType, cast, final, get_args, get_origin

import msgspec

from .annotations import class_annotations


class Form(enum.Enum):
    """How the values of a type are built."""

    ATOM = "one value, without parts"
    LIST = "any number of items, changeable"
    SET = "any number of different items, changeable"
    FROZEN_SET = "any number of different items"
    MAP = "keys and values, changeable"
    ROW = "a tuple of any number of items"
    TUPLE = "a tuple of so many parts"
    RECORD = "named fields"
    UNION = "one of several types"
    BARE = "a generic type without its arguments"
    FOREIGN = "nothing that can cross a boundary"


@final
class Shape(msgspec.Struct, frozen=True):
    """A type, taken apart."""

    form: Form
    type: Any
    """The type, without aliases and annotations around it."""
    parts: tuple[Any, ...] = ()
    """The types of the items, of the key and the value, of the members of a union; empty for a record."""


ATOMS: frozenset[Any] = frozenset({
    None, type(None), bool, int, float, str, bytes, bytearray, decimal.Decimal, uuid.UUID, datetime.datetime,
    datetime.date, datetime.time, datetime.timedelta, msgspec.UnsetType,
})  # fmt: skip

_CONTAINERS: dict[Any, Form] = {
    list: Form.LIST, abc.Sequence: Form.LIST, abc.MutableSequence: Form.LIST, abc.Collection: Form.LIST,
    set: Form.SET, abc.Set: Form.SET, abc.MutableSet: Form.SET, frozenset: Form.FROZEN_SET,
    dict: Form.MAP, abc.Mapping: Form.MAP, abc.MutableMapping: Form.MAP,
}  # fmt: skip
_WRAPPERS = tuple(
    getattr(typing, name) for name in ("Annotated", "Required", "NotRequired", "ReadOnly") if hasattr(typing, name)
)
_ALIAS: Any = getattr(typing, "TypeAliasType", None)


def shape_of(kind: Any) -> Shape:
    """Take a type apart, one level."""
    kind = plain(kind)
    origin = get_origin(kind)
    arguments = get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return Shape(Form.UNION, kind, arguments)
    if origin is typing.Literal or _is_atom(kind):
        return Shape(Form.ATOM, kind)
    if kind is tuple or kind is typing.Tuple:  # noqa: UP006 - it is what an application may have written
        return Shape(Form.BARE, kind)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return Shape(Form.ROW, kind, arguments[:1])
        return Shape(Form.TUPLE, kind, arguments)
    container = _container(origin or kind)
    if container is not None:
        return Shape(container, kind, arguments) if arguments else Shape(Form.BARE, origin or kind)
    cls = origin or kind
    if is_record(cls):
        bare = origin is None and bool(getattr(cls, "__parameters__", False))
        return Shape(Form.BARE if bare else Form.RECORD, kind)
    return Shape(Form.FOREIGN, kind)


def plain(kind: Any) -> Any:
    """Return what an alias, a NewType or an annotation around a type stands for."""
    while True:
        if get_origin(kind) in _WRAPPERS or type(kind).__name__ == "_AnnotatedAlias":
            kind = get_args(kind)[0]
        elif isinstance(kind, NewType):
            kind = kind.__supertype__
        elif _ALIAS and isinstance(kind, _ALIAS):
            kind = kind.__value__
        else:
            return kind


def class_of(kind: Any) -> type[Any] | None:
    """Return the class of a type, without its arguments; None if it is no class."""
    origin: object = get_origin(kind) or kind
    return cast(type[Any], origin) if isinstance(origin, type) else None


def is_record(kind: Any) -> bool:
    """Whether the class has named fields: a message, a dataclass, an attrs class, a NamedTuple, a TypedDict."""
    cls = class_of(kind)
    if cls is None:
        return False
    return (
        issubclass(cls, msgspec.Struct)
        or hasattr(cls, "__dataclass_fields__")
        or hasattr(cls, "__attrs_attrs__")
        or typing.is_typeddict(cls)
        or (hasattr(cls, "_fields") and issubclass(cls, tuple))
    )


def record_fields(kind: Any) -> dict[str, Any]:
    """Return the types of a record's fields by name, in order; an Unresolved or Any where there is none."""
    cls = get_origin(kind) or kind
    names: Any
    if issubclass(cls, msgspec.Struct):
        names = cls.__struct_fields__
    elif typing.is_typeddict(cls):
        names = cls.__annotations__
    elif hasattr(cls, "__attrs_attrs__"):
        names = [attribute.name for attribute in cls.__attrs_attrs__]
    else:
        names = getattr(cls, "__dataclass_fields__", None) or getattr(cls, "_fields", ())
    annotations = class_annotations(kind)
    return {name: annotations.get(name, Any) for name in names if not _is_class_variable(annotations.get(name))}


def children(kind: Any) -> Iterator[Any]:
    """Return the types that a value of this type is directly made of."""
    shape = shape_of(kind)
    yield from record_fields(shape.type).values() if shape.form is Form.RECORD else shape.parts


def reachable(kind: Any) -> Iterator[Shape]:
    """Return the shapes of a type and of all that it is made of, each once."""
    seen: set[Any] = set()
    pending = [kind]
    while pending:
        shape = shape_of(pending.pop())
        if shape.type in seen:
            continue
        seen.add(shape.type)
        yield shape
        pending.extend(children(shape.type))


def is_recursive(kind: Any) -> bool:
    """Whether values of the type can nest without bound, because a record is made of itself."""
    return any(
        shape.form is Form.RECORD
        and any(inner.type == shape.type for part in children(shape.type) for inner in reachable(part))
        for shape in reachable(kind)
    )


def _is_atom(kind: Any) -> bool:
    try:
        return kind in ATOMS or (isinstance(kind, type) and issubclass(kind, enum.Enum))
    except TypeError:  # no hash: no type
        return False


def _container(kind: Any) -> Form | None:
    try:
        return _CONTAINERS.get(kind)
    except TypeError:
        return None


def _is_class_variable(annotation: Any) -> bool:
    return annotation is typing.ClassVar or get_origin(annotation) is typing.ClassVar


def type_text(kind: Any) -> str:
    """Return a type as a person writes it: ``tuple[str, ...]``, ``Enrolment | None``."""
    if kind is None or kind is type(None):
        return "None"
    if kind is Ellipsis:
        return "..."
    origin = get_origin(kind)
    if getattr(origin, "__name__", "") == "Callable":
        return "Callable[…]"
    if origin is typing.Literal:
        return f"Literal[{', '.join(_literal(value) for value in get_args(kind))}]"
    if origin in (typing.Union, types.UnionType):
        return " | ".join(type_text(part) for part in get_args(kind))
    if type(kind).__name__ == "_AnnotatedAlias":
        return type_text(kind.__origin__)
    name = getattr(origin or kind, "__name__", None) or getattr(kind, "_name", None) or _text(kind)
    arguments = get_args(kind)
    if arguments or (origin is tuple and kind is not typing.Tuple):  # noqa: UP006 - as above
        return f"{name}[{', '.join(type_text(part) for part in arguments) or '()'}]"
    return str(name)


def _literal(value: object) -> str:
    return f"{type(value).__name__}.{value.name}" if isinstance(value, enum.Enum) else repr(value)


def _text(kind: Any) -> str:
    text: Mapping[str, Any] | str = getattr(kind, "text", "") or getattr(kind, "__forward_arg__", "")
    return str(text or repr(kind))
