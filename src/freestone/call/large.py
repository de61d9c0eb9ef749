"""Large bytes among arguments and in results, handed over without a moment that is as long as they are large.

To encode or decode a value holds the event loop until it is done: half a millisecond for each megabyte of bytes, which
is what it takes to copy them into memory that is new. A small call beside one with 64 MB would wait for both. Bytes
need no encoding but their head. So those of a parameter, of a result, or of a field of it, that is declared as
``bytes`` are left out of what is encoded, and sent as they are behind that head; and they are left out of what is
decoded, and copied out of the message a little in each turn of the loop. Both find their places in the same way: what
carries them is a map, whose entries can be read without what is in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
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
_FIXMAP: Final = 0x8F
"""The largest first byte of a map of up to 15 entries, which is all that is before them; otherwise two more are."""
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
        large = {name: arguments[at] for name, at in self._places.items() if _is_large(arguments[at])}
        if not large:
            return self._operation.encode_arguments(arguments)
        hollow = list(arguments)
        for name in large:
            hollow[self._places[name]] = _NONE
        return _filled(self._operation.encode_arguments(tuple(hollow)), large)

    def encode_result(self, result: Any) -> Body:
        """Do what the operation's ``encode_result`` does."""
        if self._whole and _is_large(result):
            return Parts(_head(len(result)), result)
        if self._fields and type(result) is self._operation.result:
            found = {encoded: getattr(result, name) for encoded, name in self._fields.items()}
            large = {encoded: value for encoded, value in found.items() if _is_large(value)}
            if large:
                hollow = replace(result, **{self._fields[encoded]: _NONE for encoded in large})
                return _filled(self._operation.encode_result(hollow), large)
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
    alone = operation.takes is None and not operation.streams and len(operation.parameters) <= _ENTRIES
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
    if len(kind.__struct_fields__) >= _ENTRIES:
        return {}
    return {it.encode_name: it.name for it in msgspec.structs.fields(kind) if it.type is bytes}


def _is_large(value: Any) -> bool:
    return type(value) is bytes and LARGE < len(value) < 2**32


def _head(size: int) -> bytes:
    return _BIN_32 + size.to_bytes(4, "big")


def _filled(hollow: bytes, large: Mapping[str, bytes]) -> Parts:
    """Return an encoded record with those bytes as the entries that have their names."""
    parts: list[bytes] = []
    before = [hollow[: 1 if hollow[0] <= _FIXMAP else 3]]
    for name, entry in _read_entries(hollow).items():
        before.append(_encode(name))
        if name in large:
            before.append(_head(len(large[name])))
            parts += (b"".join(before), large[name])
            before = []
        else:
            before.append(bytes(entry))
    return Parts(*parts, b"".join(before))


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
    return 0x80 <= kind <= _FIXMAP or (kind == 0xDE and int.from_bytes(data[1:3], "big") <= _ENTRIES)


async def _copied(view: memoryview) -> bytes:
    result = BytesIO()
    for at in range(0, len(view), _STEP):
        result.write(view[at : at + _STEP])
        await asyncio.sleep(0)
    return result.getvalue()  # the buffer's own bytes, and no copy of them
