"""Large bytes among arguments and in results, handed over without a moment that is as long as they are large.

To encode or decode a value holds the event loop until it is done: half a millisecond for each megabyte of bytes, which
is what it takes to copy them into memory that is new. A small call beside one with 64 MB would wait for both. Bytes
need no encoding but their head. So those of a parameter, of a result, or of a field of it, that is declared as
``bytes`` are left out of what is encoded, and sent as they are; and they are copied out of the message, in which that
head is before them, a little in each turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from io import BytesIO
from typing import Any, Final, TypeAlias, final

import msgspec
from msgspec.structs import force_setattr, replace

from freestone.contract import Operation
from freestone.wire import Body, Parts

LARGE: Final = 256 * 1024
"""Bytes from which on it is worth the trouble."""
_STEP: Final = 1024 * 1024
"""Bytes that are copied in one turn of the loop."""
_BIN_32: Final = b"\xc6"
"""How bytes begin in MessagePack that are more than 65,535; the number of them follows."""
_HEAD: Final = 5
_ENTRIES: Final = 256
"""Entries of a map in which large bytes are looked for."""
_NONE: Final = msgspec.Raw(b"\xc4\x00")
"""No bytes, where large ones are left out."""
_read_entries: Final = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode
_encode: Final = msgspec.msgpack.Encoder().encode

Filling: TypeAlias = Callable[[], Coroutine[Any, Any, tuple[Any, ...]]]
"""Returns the arguments, when what is large among them is there too."""


@final
class Large:
    """What is declared as ``bytes`` in one operation. ``fields`` are those of its result, as they are encoded."""

    __slots__ = ("_fields", "_operation", "_places", "_whole")

    def __init__(self, operation: Operation, places: dict[str, int], fields: dict[str, str]) -> None:
        self._operation = operation
        self._places = places
        self._fields = fields
        self._whole = operation.result is bytes

    def encode_arguments(self, arguments: tuple[Any, ...]) -> Body:
        """Do what the operation's ``encode_arguments`` does."""
        places = [at for at in self._places.values() if _is_large(arguments[at])]
        if not places:
            return self._operation.encode_arguments(arguments)
        hollow = list(arguments)
        for at in places:
            hollow[at] = _mark(at)
        encoded = self._operation.encode_arguments(tuple(hollow))
        return _filled(encoded, {_mark(at): arguments[at] for at in places}) or self._operation.encode_arguments(
            arguments
        )

    def encode_result(self, result: Any) -> Body:
        """Do what the operation's ``encode_result`` does."""
        if self._whole and _is_large(result):
            return Parts(_head(len(result)), result)
        if self._fields and type(result) is self._operation.result:
            names = [name for name in self._fields.values() if _is_large(getattr(result, name))]
            if names:
                marks = {name: _mark(number) for number, name in enumerate(names)}
                encoded = self._operation.encode_result(replace(result, **marks))
                filled = _filled(encoded, {mark: getattr(result, name) for name, mark in marks.items()})
                if filled is not None:
                    return filled
        return self._operation.encode_result(result)

    def decode_arguments(self, data: bytes | memoryview) -> tuple[tuple[Any, ...], Filling | None]:
        """Return the arguments, as the operation's ``decode_arguments`` does, and what has to be awaited for them."""
        hollow, views = _hollow(data, self._places)
        arguments = self._operation.decode_arguments(hollow)
        if not views:
            return arguments, None

        async def fill() -> tuple[Any, ...]:
            filled = list(arguments)
            for name, view in views.items():
                filled[self._places[name]] = await _copied(view)
            return tuple(filled)

        return arguments, fill

    async def decode_result(self, answer: bytes) -> Any:
        """Do what the operation's ``decode_result`` does."""
        if self._whole and len(answer) > LARGE and answer[:_HEAD] == _head(len(answer) - _HEAD):
            return await _copied(memoryview(answer)[_HEAD:])
        hollow, views = _hollow(answer, self._fields)
        result = self._operation.decode_result(hollow)
        for name, view in views.items():
            force_setattr(result, self._fields[name], await _copied(view))
        return result


def large_of(operation: Operation) -> Large | None:
    """Return what is declared as ``bytes`` in an operation; None if nothing is."""
    alone = operation.takes is None and not operation.streams
    places = {it.name: at for at, it in enumerate(operation.parameters) if alone and it.type is bytes}
    fields = {} if operation.streams else _fields_of(operation.result)
    if places or fields or (operation.result is bytes and not operation.streams):
        return Large(operation, places, fields)
    return None


def _fields_of(kind: Any) -> dict[str, str]:
    """Return the fields of a record that are bytes, by the names that they have in the map that it is encoded as."""
    if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct):
        return {}
    if hasattr(kind, "__post_init__"):  # it would look at what is not there yet
        return {}
    return {it.encode_name: it.name for it in msgspec.structs.fields(kind) if it.type is bytes}


def _is_large(value: Any) -> bool:
    return type(value) is bytes and LARGE < len(value) < 2**32


def _head(size: int) -> bytes:
    return _BIN_32 + size.to_bytes(4, "big")


def _mark(number: int) -> bytes:
    """Return what stands in an encoded message where large bytes belong."""
    return b"\xff\xfe freestone: large bytes %d \xfe\xff" % number


def _filled(encoded: bytes, values: dict[bytes, bytes]) -> Parts | None:
    """Return the message with those values where their marks are; None if a mark is not there once."""
    if any(encoded.count(mark) != 1 for mark in values):  # somebody has written one of them into another value
        return None
    parts: list[bytes] = []
    for mark in sorted(values, key=encoded.index):
        before, _, encoded = encoded.partition(mark)
        parts += (before[:-2] + _head(len(values[mark])), values[mark])  # the mark had a head of two bytes
    return Parts(*parts, encoded)


def _hollow(data: bytes | memoryview, names: Collection[str]) -> tuple[bytes | memoryview, dict[str, memoryview]]:
    """Return a message without the large bytes that have one of those names in it, and where these are."""
    views: dict[str, memoryview] = {}
    if not names or not _is_map(data):
        return data, views
    try:
        entries = _read_entries(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return data, views  # whoever reads it says what is wrong
    for name in names:
        view = memoryview(entries.get(name, _NONE))
        if len(view) > LARGE and bytes(view[:_HEAD]) == _head(len(view) - _HEAD):
            views[name], entries[name] = view[_HEAD:], _NONE
    return (_encode(entries), views) if views else (data, views)


def _is_map(data: bytes | memoryview) -> bool:
    """Whether it is a map, and none that would take much to read."""
    kind = data[0] if data else 0
    return 0x80 <= kind <= 0x8F or (kind == 0xDE and int.from_bytes(data[1:3], "big") <= _ENTRIES)


async def _copied(view: memoryview) -> bytes:
    result = BytesIO()
    for at in range(0, len(view), _STEP):
        result.write(view[at : at + _STEP])
        await asyncio.sleep(0)
    return result.getvalue()  # the buffer's own bytes, and no copy of them
