"""From values to bytes and back: the arguments and the results of one operation, as MessagePack.

Everything is compiled once an operation. The arguments become a generated struct whose fields are the
parameters, so that one pass of msgspec validates all of them and reports the path of what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from freestone.errors import Internal

from .nesting import is_too_deep
from .parameter import Parameter
from .refusal import FOREIGN, TOO_DEEP, refusal, undecodable, unencodable
from .shape import is_recursive

_encode = msgspec.msgpack.Encoder().encode


class ArgumentCodec(NamedTuple):
    """What carries the arguments of one operation."""

    encode: Callable[[tuple[Any, ...]], bytes]
    decode: Callable[[bytes | memoryview], tuple[Any, ...]]
    convert: Callable[[Mapping[str, Any], bool], tuple[Any, ...]]
    bind: Callable[[tuple[Any, ...], Mapping[str, Any]], tuple[Any, ...]]


class ResultCodec(NamedTuple):
    """What carries the result of one operation, or an item of its stream."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes | memoryview], Any]


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
    nesting = [(index, p.name) for index, p in enumerate(parameters) if is_recursive(p.type)]

    def limited(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        for index, name in nesting:
            if is_too_deep(arguments[index]):
                raise refusal(TOO_DEEP, name)
        return arguments

    def encode(arguments: tuple[Any, ...]) -> bytes:
        try:
            return _encode(record(*(limited(arguments) if nesting else arguments)))
        except FOREIGN as error:
            raise unencodable(error, record(*arguments)) from error

    def decode(data: bytes | memoryview) -> tuple[Any, ...]:
        try:
            arguments = values(decode_record(data))
        except FOREIGN as error:
            raise undecodable(error) from error
        return limited(arguments) if nesting else arguments

    def convert(mapping: Mapping[str, Any], strict: bool) -> tuple[Any, ...]:
        try:
            arguments = values(msgspec.convert(mapping, record, strict=strict, str_keys=True))
        except FOREIGN as error:
            raise undecodable(error) from error
        return limited(arguments)

    return ArgumentCodec(encode, decode, convert, _binder(operation, parameters))


def result_codec(operation: str, result: Any) -> ResultCodec:
    """Compile the codec of an operation's result."""
    decode_value = msgspec.msgpack.Decoder(result).decode
    nests = is_recursive(result)

    def encode(value: Any) -> bytes:
        if nests and is_too_deep(value):
            raise Internal(f"{operation} returned what can't cross: {TOO_DEEP}")
        try:
            return _encode(value)
        except FOREIGN as error:
            raise Internal(f"{operation} returned what can't cross: {unencodable(error, value)}") from error

    def decode(data: bytes | memoryview) -> Any:
        try:
            value = decode_value(data)
        except FOREIGN as error:
            raise Internal(f"{operation} returned what its contract does not say: {undecodable(error)}") from error
        if nests and is_too_deep(value):
            raise Internal(f"{operation} returned what its contract does not say: {TOO_DEEP}")
        return value

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
