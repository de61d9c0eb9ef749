"""Errors as they cross a boundary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final, get_type_hints

import msgspec

from freestone.errors import CANONICAL, Code, ConnectionLost, ServiceError, Unknown

from .refusal import FOREIGN

_encode = msgspec.msgpack.Encoder().encode
_BY_CODE: dict[int, type[ServiceError]] = {int(cls.code): cls for cls in CANONICAL}
# Both Unavailable and ConnectionLost have code 14. What is not known is taken for the one that may have
# happened: a caller that believes it repeats nothing that was done.
_BY_CODE[Code.UNAVAILABLE] = ConnectionLost


@final
@dataclass(frozen=True, slots=True)
class ErrorBody:
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


class ErrorCodec(NamedTuple):
    """What carries the errors of one operation."""

    encode: Callable[[ServiceError], ErrorBody]
    decode: Callable[[ErrorBody], ServiceError]


def error_codec(raises: Sequence[type[ServiceError]], hints: Callable[[type], dict[str, Any]]) -> ErrorCodec:
    """Compile the codec of an operation's errors: the declared ones, and the canonical ones."""
    known: dict[str, type[ServiceError]] = {cls.__name__: cls for cls in (*CANONICAL, *raises)}
    records: dict[type, Any] = {}

    def record(cls: type[ServiceError]) -> Any:
        if cls not in records:
            types = hints(cls)
            fields = [
                (name, types[name]) if cls.required(name) else (name, types[name], default)
                for name, default in cls.fields.items()
            ]
            records[cls] = msgspec.defstruct(cls.__name__, fields, kw_only=True)
        return records[cls]

    def encode(error: ServiceError) -> ErrorBody:
        cls = next((c for c in type(error).__mro__ if known.get(c.__name__) is c), Unknown)
        values = error.values()
        fields = _encode({name: values[name] for name in cls.fields if name in values})
        return ErrorBody(int(cls.code), cls.__name__, error.message, fields, error.trace_id)

    def decode(body: ErrorBody) -> ServiceError:
        error: ServiceError | None = None
        if cls := known.get(body.name):
            try:
                values = msgspec.msgpack.decode(body.fields, type=record(cls))
            except FOREIGN:
                error = None  # an older or newer version of the error; its code still says what it is
            else:
                error = cls(body.message, **msgspec.structs.asdict(values))
        if error is None:
            error = _BY_CODE.get(body.code, Unknown)(body.message)
        error.trace_id = body.trace_id
        return error

    return ErrorCodec(encode, decode)


def error_hints(cls: type) -> dict[str, Any]:
    """Return the types of an error's fields."""
    return get_type_hints(cls, include_extras=True)
