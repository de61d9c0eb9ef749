"""Errors as they cross a boundary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, final

import msgspec

from freestone.errors import CANONICAL, Code, ConnectionLost, Internal, ServiceError, Unknown

from .annotations import class_annotations
from .refusal import FOREIGN, unencodable

_encode = msgspec.msgpack.Encoder().encode
_BY_CODE: dict[int, type[ServiceError]] = {int(cls.code): cls for cls in CANONICAL}
# Both Unavailable and ConnectionLost have code 14. What is not known is taken for the one that may have
# happened: a caller that believes it repeats nothing that was done.
_BY_CODE[Code.UNAVAILABLE] = ConnectionLost


@final
class ErrorBody(msgspec.Struct, frozen=True):
    """An error as it crosses the boundary."""

    code: int
    """The canonical status code."""
    name: str
    """The name of the class, as the contract declares it."""
    message: str
    """For people."""
    fields: bytes
    """A MessagePack map by field name."""
    trace_id: str | None
    retried: bool = False
    """Whether a policy further down has repeated the call and given up."""


class ErrorCodec(NamedTuple):
    """What carries the errors of one operation."""

    encode: Callable[[ServiceError], ErrorBody]
    decode: Callable[[ErrorBody], ServiceError]


def error_codec(error_fields: Mapping[type[ServiceError], Mapping[str, Any]]) -> ErrorCodec:
    """Compile the codec of an operation's errors: the declared ones, with the types of their fields, and the
    canonical ones."""
    known: dict[str, type[ServiceError]] = {cls.__name__: cls for cls in (*CANONICAL, *error_fields)}
    records: dict[type[ServiceError], Any] = {}

    def record(cls: type[ServiceError]) -> Any:
        if cls not in records:  # compiled at its first use: most errors never happen
            records[cls] = _record(cls, error_fields.get(cls) or class_annotations(cls))
        return records[cls]

    def encode(error: ServiceError) -> ErrorBody:
        cls: type[ServiceError] = next((c for c in type(error).__mro__ if known.get(c.__name__) is c), Unknown)
        values = error.values()
        try:
            fields = _encode({name: values[name] for name in cls.fields})
        except FOREIGN as reason:
            refused = unencodable(reason, record(cls)(**{name: values[name] for name in cls.fields}))
            raise Internal(f"{cls.__name__} has a field that can't cross: {refused}") from reason
        return ErrorBody(int(cls.code), cls.__name__, error.message, fields, error.trace_id, error.retried)

    def decode(body: ErrorBody) -> ServiceError:
        cls = known.get(body.name)
        error = None if cls is None else _decoded(cls, record(cls), body)
        if error is None:  # of another version; its code still says what it is
            error = _BY_CODE.get(body.code, Unknown)(body.message)
        error.trace_id = body.trace_id
        error.retried = body.retried
        return error

    return ErrorCodec(encode, decode)


def _record(cls: type[ServiceError], types: Mapping[str, Any]) -> Any:
    """Return a struct that has the fields of an error."""
    fields = [
        (name, types[name]) if cls.required(name) else (name, types[name], default)
        for name, default in cls.fields.items()
    ]
    return msgspec.defstruct(cls.__name__, fields, kw_only=True)


def _decoded(cls: type[ServiceError], record: Any, body: ErrorBody) -> ServiceError | None:
    try:
        fields = msgspec.msgpack.decode(body.fields, type=record)
    except FOREIGN:
        return None
    return cls(body.message, **msgspec.structs.asdict(fields))
