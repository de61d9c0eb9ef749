"""The digest of the arguments of a call: alike whenever and wherever the same arguments are given.

It is not taken of the bytes that travel, for those differ where nothing does: a set has another order in each process,
a dict that in which it was filled. And a parameter that has its default counts as not given, so that one which is
added later changes nothing for those who do not know it.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import msgspec

from .operation import Operation
from .parameter import Parameter

_in_order: Final = msgspec.msgpack.Encoder(order="deterministic").encode
_encode: Final = msgspec.msgpack.Encoder().encode
_SIZE: Final = 16


def digest(operation: Operation, arguments: tuple[Any, ...]) -> bytes:
    """Return 16 bytes for full positional arguments. Raises InvalidArgument for what can't cross a boundary."""
    given = {
        parameter.name: value
        for parameter, value in zip(operation.parameters, arguments, strict=True)
        if parameter.required or not _is_default(parameter, value)
    }
    try:
        encoded = _in_order(given)
    except Exception:
        # It puts in order what can be compared, and the keys of a dict if they are texts.
        operation.encode_arguments(arguments)  # which says what is wrong, if that was it
        encoded = _encode(_ordered(given))
    import hashlib  # loads OpenSSL, which a service without keys can do without

    return hashlib.blake2b(encoded, digest_size=_SIZE).digest()


def _is_default(parameter: Parameter, value: Any) -> bool:
    default = parameter.default
    return value is default or (type(value) is type(default) and bool(value == default))


def _ordered(value: Any) -> Any:
    """Return something that is encoded alike whatever the order of its sets and dicts."""
    kind = _type(value)
    if issubclass(kind, (set, frozenset)):
        return sorted(_encode(_ordered(item)) for item in value)
    if issubclass(kind, dict):
        return sorted((_encode(_ordered(key)), _encode(_ordered(item))) for key, item in value.items())
    if issubclass(kind, (list, tuple)):
        return [_ordered(item) for item in value]
    names = _fields(kind)
    return value if names is None else {name: _ordered(getattr(value, name)) for name in names}


def _type(value: object) -> type[object]:
    return type(value)


def _fields(kind: type[Any]) -> tuple[str, ...] | None:
    """Return the names of the fields of a record, None for what is none."""
    if issubclass(kind, msgspec.Struct):
        return kind.__struct_fields__
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    attributes: Any = getattr(kind, "__attrs_attrs__", None)
    return None if attributes is None else tuple(attribute.name for attribute in attributes)
