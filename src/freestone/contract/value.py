"""A value that crosses by itself, beside the arguments of a call: its type checked, and its codec compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from .copier import is_mutable
from .nesting import is_too_deep
from .place import FindPlace
from .refusal import FOREIGN, TOO_DEEP, refusal, undecodable, unencodable
from .report import Report
from .shape import is_recursive
from .types import Spot, TypeCheck

_encode = msgspec.msgpack.Encoder().encode
_identify = msgspec.msgpack.Encoder(order="deterministic").encode


class ValueCodec(NamedTuple):
    """What carries values of one type."""

    encode: Callable[[Any], bytes]
    """To MessagePack. Raises InvalidArgument."""
    decode: Callable[[bytes], Any]
    """Back again. Raises InvalidArgument."""


def immutable_codec(owner: str, kind: Any, place: FindPlace, report: Report) -> ValueCodec | None:
    """Return the codec for an immutable type; None, and a mistake in the report, if it is none or can't cross.

    ``owner`` is what has that type, for the messages.
    """
    spot = Spot(owner, "type", kind, place)
    if not TypeCheck(report).check(spot):
        return None
    if is_mutable(kind):
        report.add(spot.subject, "its values can change", "say tuple[T, ...], or a Message of such", place)
        return None
    return value_codec(kind)


def value_codec(kind: Any) -> ValueCodec:
    """Return the codec for a type that may cross."""
    decode_value = msgspec.msgpack.Decoder(kind).decode
    nests = is_recursive(kind)

    def limited(value: Any) -> Any:
        if nests and is_too_deep(value):
            raise refusal(TOO_DEEP, "")
        return value

    def encode(value: Any) -> bytes:
        try:
            return _encode(limited(value))
        except FOREIGN as error:
            raise unencodable(error, value) from error

    def decode(data: bytes) -> Any:
        try:
            return limited(decode_value(data))
        except FOREIGN as error:
            raise undecodable(error) from error

    return ValueCodec(encode, decode)


def identity_of(value: Any) -> bytes:
    """Return bytes that two values have in common if, and only if, they cross alike.

    Raises InvalidArgument for what can't cross.
    """
    try:
        return _identify(value)
    except FOREIGN as error:
        raise unencodable(error, value) from error
