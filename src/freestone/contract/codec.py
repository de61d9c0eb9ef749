"""From values to bytes and back: the arguments and the results of one operation, as MessagePack.

Everything is compiled once an operation. The arguments become a generated struct whose fields are the
parameters, so that one pass of msgspec validates all of them and reports the path of what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from freestone.errors import Internal

from .parameter import Parameter
from .refusal import FOREIGN, invalid_argument, unencodable

_encode = msgspec.msgpack.Encoder().encode


class ArgumentCodec(NamedTuple):
    """What carries the arguments of one operation."""

    encode: Callable[[tuple[Any, ...]], bytes]
    decode: Callable[[bytes], tuple[Any, ...]]
    convert: Callable[[Mapping[str, Any], bool], tuple[Any, ...]]
    bind: Callable[[tuple[Any, ...], Mapping[str, Any]], tuple[Any, ...]]


class ResultCodec(NamedTuple):
    """What carries the result of one operation, or an item of its stream."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


def argument_codec(operation: str, parameters: Sequence[Parameter]) -> ArgumentCodec:
    """Compile the codec of an operation's arguments. ``operation`` is its name, for messages."""
    record: Any = msgspec.defstruct(
        "Arguments",
        [(p.name, p.type) if p.required else (p.name, p.type, p.default) for p in parameters],
        frozen=True,
        gc=False,
    )
    decode_record = msgspec.msgpack.Decoder(record).decode
    values = msgspec.structs.astuple

    def encode(arguments: tuple[Any, ...]) -> bytes:
        try:
            return _encode(record(*arguments))
        except FOREIGN as error:
            raise unencodable(error, record(*arguments)) from error

    def decode(data: bytes) -> tuple[Any, ...]:
        try:
            return values(decode_record(data))
        except FOREIGN as error:
            raise invalid_argument(error) from error

    def convert(mapping: Mapping[str, Any], strict: bool) -> tuple[Any, ...]:
        try:
            return values(msgspec.convert(mapping, record, strict=strict, str_keys=True))
        except FOREIGN as error:
            raise invalid_argument(error) from error

    return ArgumentCodec(encode, decode, convert, _binder(operation, parameters))


def result_codec(operation: str, result: Any) -> ResultCodec:
    """Compile the codec of an operation's result."""
    decode_value = msgspec.msgpack.Decoder(result).decode

    def encode(value: Any) -> bytes:
        try:
            return _encode(value)
        except FOREIGN as error:
            raise Internal(f"{operation} returned what can't cross: {unencodable(error, value)}") from error

    def decode(data: bytes) -> Any:
        try:
            return decode_value(data)
        except FOREIGN as error:
            raise Internal(f"{operation} returned what its contract does not say: {error}") from error

    return ResultCodec(encode, decode)


def _binder(
    operation: str, parameters: Sequence[Parameter]
) -> Callable[[tuple[Any, ...], Mapping[str, Any]], tuple[Any, ...]]:
    """Return a function from ``(args, kwargs)`` to the full tuple.

    Python itself binds them, to a generated function: a tenth of the time of ``inspect.Signature.bind``, and
    its TypeError reads as the one of a call.
    """
    defaults = tuple(p.default for p in parameters if not p.required)
    names = [p.name for p in parameters]
    collect = eval(f"lambda {', '.join(names)}: ({''.join(f'{name}, ' for name in names)})", {})
    collect.__defaults__ = defaults
    collect.__qualname__ = operation

    def bind(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
        bound: tuple[Any, ...] = collect(*arguments, **named)
        return bound

    return bind
