"""Copies what is mutable in a value, and nothing else; compiled from the type.

A co-located callee must not see what its caller changes later, as it would not across a wire. What is immutable is
shared, so a type that is immutable throughout needs no copier at all.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, get_origin

import msgspec

from freestone.errors import Internal

from .parameter import Parameter
from .refusal import refusal
from .shape import Form, Shape, reachable, record_fields, shape_of, type_text

Copier: TypeAlias = Callable[[Any], Any]

_UNFIT = (TypeError, ValueError, AttributeError, LookupError, RecursionError)
"""What a copier raises for a value that is not of its type."""

_ARRAYS = (list, tuple, set, frozenset)
_BYTES = (bytearray, bytes)
_CHANGEABLE = {Form.LIST, Form.SET, Form.MAP}
_TYPES: dict[Form, type] = {
    Form.LIST: list, Form.SET: set, Form.FROZEN_SET: frozenset, Form.MAP: dict, Form.ROW: tuple, Form.TUPLE: tuple,
}  # fmt: skip


def copier(kind: Any) -> Copier | None:
    """Return a function that copies the mutable parts of values of that type; None if there are none.

    The copy has the types that the codec would give: what is declared a ``Sequence`` arrives as a list.
    """
    return _Compiler().copier(kind)


def argument_copier(parameters: Sequence[Parameter]) -> Copier | None:
    """Return a copier of full positional arguments; None if nothing in them is mutable.

    Raises InvalidArgument, with the parameter, for a value that can't be copied as what it should be: across a
    wire it would be refused too.
    """
    copiers = [copier(parameter.type) for parameter in parameters]
    if not any(copiers):
        return None
    copy_all = _tuple(copiers)

    def copy_arguments(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        try:
            copied: tuple[Any, ...] = copy_all(arguments)
        except _UNFIT:
            for parameter, part, value in zip(parameters, copiers, arguments, strict=True):
                if part is not None and not _can_copy(part, value):
                    raise refusal(f"it is no {type_text(parameter.type)}", parameter.name) from None
            raise
        return copied

    return copy_arguments


def result_copier(operation: str, kind: Any) -> Copier | None:
    """Return a copier of an operation's results; None if nothing in them is mutable. It raises Internal."""
    copy_value = copier(kind)
    if copy_value is None:
        return None

    def copy_result(value: Any) -> Any:
        try:
            return copy_value(value)
        except _UNFIT as error:
            raise Internal(f"{operation} returned what is no {type_text(kind)}") from error

    return copy_result


def is_mutable(kind: Any) -> bool:
    """Whether a value of the type can change, or something within it."""
    return any(_changes(shape) for shape in reachable(kind))


def _changes(shape: Shape) -> bool:
    return shape.form in _CHANGEABLE or shape.type is bytearray or _is_dict_record(shape)


def _is_dict_record(shape: Shape) -> bool:
    return shape.form is Form.RECORD and issubclass(get_origin(shape.type) or shape.type, dict)


class _Compiler:
    """Compiles one type; remembers its records, since a record may be made of itself."""

    def __init__(self) -> None:
        self._records: dict[Any, list[Copier]] = {}

    def copier(self, kind: Any) -> Copier | None:
        if not is_mutable(kind):
            return None
        shape = shape_of(kind)
        if shape.form is Form.RECORD:
            return self._record(shape)
        if shape.form is Form.UNION:
            return self._union(shape)
        if shape.form is Form.TUPLE:
            return _tuple([self.copier(part) for part in shape.parts])
        if shape.form is Form.MAP:
            return _map(self.copier(shape.parts[1]))
        if shape.type is bytearray:
            return _bytes
        return _items(_TYPES[shape.form], self.copier(shape.parts[0]))

    def _record(self, shape: Shape) -> Copier:
        known = self._records.get(shape.type)
        if known is not None:
            return lambda value: known[0](value)  # recursive: it is compiled by the time it is called
        cell = self._records[shape.type] = []
        fields = {
            name: compiled
            for name, kind in record_fields(shape.type).items()
            if (compiled := self.copier(kind)) is not None
        }
        cell.append(_record(shape, fields))
        return cell[0]

    def _union(self, shape: Shape) -> Copier:
        members = [(shape_of(part), self.copier(part)) for part in shape.parts]
        mutable = [(runtime_type(member), compiled) for member, compiled in members if compiled is not None]
        if len(members) == 2 and any(member.type in (None, type(None)) for member, _ in members):
            _, only = mutable[0]
            return lambda value: None if value is None else only(value)
        exact: dict[type[Any], Copier] = dict(mutable)

        def copy_member(value: object) -> Any:
            kind = type(value)
            compiled = exact.get(kind)
            if compiled is None:
                compiled = next((found for member, found in mutable if issubclass(kind, member)), None)
            return value if compiled is None else compiled(value)

        return copy_member


def runtime_type(shape: Shape) -> type:
    """Return the class that the values of the type have in memory."""
    if shape.form is Form.RECORD and not _is_dict_record(shape):
        found: type = get_origin(shape.type) or shape.type
        return found
    if shape.form is Form.RECORD:
        return dict
    return _TYPES.get(shape.form, bytearray)


def _can_copy(copy_value: Copier, value: Any) -> bool:
    try:
        copy_value(value)
    except _UNFIT:
        return False
    return True


def _items(make: type, item: Copier | None) -> Copier:
    if item is None:
        return lambda value: make(_array(value))
    if make is list:
        return lambda value: [item(part) for part in _array(value)]
    return lambda value: make([item(part) for part in _array(value)])


def _map(item: Copier | None) -> Copier:
    if item is None:
        return lambda value: dict(_dict(value))
    return lambda value: {key: item(part) for key, part in _dict(value).items()}


def _array(value: Any) -> Any:
    """Return what travels as a list. Raises TypeError for a text, which is iterable too."""
    if not issubclass(type(value), _ARRAYS):
        raise TypeError("it is no list")
    return value


def _dict(value: Any) -> Any:
    if not issubclass(type(value), dict):
        raise TypeError("it is no dict")
    return value


def _bytes(value: Any) -> bytearray:
    if isinstance(value, _BYTES):
        return bytearray(value)
    raise TypeError("it is no bytearray")


def _tuple(parts: list[Copier | None]) -> Copier:
    if len(parts) == 1 and parts[0] is not None:
        only = parts[0]
        return lambda value: (only(value[0]),)
    changed = [(index, part) for index, part in enumerate(parts) if part is not None]

    def copy_tuple(value: Any) -> tuple[Any, ...]:
        items = list(value)
        for index, part in changed:
            items[index] = part(items[index])
        return tuple(items)

    return copy_tuple


def _record(shape: Shape, fields: dict[str, Copier]) -> Copier:
    cls = get_origin(shape.type) or shape.type
    changed = tuple(fields.items())
    if issubclass(cls, dict):
        return _typed_dict(changed)
    if issubclass(cls, msgspec.Struct):
        replace = msgspec.structs.replace
        return lambda value: replace(value, **{name: part(getattr(value, name)) for name, part in changed})
    if issubclass(cls, tuple):
        return lambda value: value._replace(**{name: part(getattr(value, name)) for name, part in changed})
    return _frozen_class(changed)


def _typed_dict(changed: tuple[tuple[str, Copier], ...]) -> Copier:
    def copy_dict(value: Any) -> dict[str, Any]:
        made = dict(value)
        for name, part in changed:
            if name in made:
                made[name] = part(made[name])
        return made

    return copy_dict


def _frozen_class(changed: tuple[tuple[str, Copier], ...]) -> Copier:
    """For dataclasses and attrs classes: around the constructor, which may do more than assign."""

    def copy_object(value: Any) -> Any:
        made = copy.copy(value)
        for name, part in changed:
            object.__setattr__(made, name, part(getattr(value, name)))
        return made

    return copy_object
