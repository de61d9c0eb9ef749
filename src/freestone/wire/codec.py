"""The bytes of every frame: ``encode`` and ``decode``, the one the inverse of the other."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct as Layout
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from .frames import (
    Cancel,
    Chunk,
    Credit,
    End,
    Error,
    Frame,
    FrameType,
    Goodbye,
    Header,
    Hello,
    Item,
    Ping,
    Pong,
    Reply,
    Request,
)  # fmt: skip
from .nesting import check_nesting, may_be_deeper
from .reason import Reason, WireError

R = TypeVar("R")

MAGIC: Final = b"freestone"
"""How the payload of HELLO begins, in every version."""
HEAD: Final = Layout(">IBI")
"""The head of a frame: length, type, call id."""
COUNTED: Final = HEAD.size - 4
"""How much of the head the length counts."""

COMPRESSED: Final = 0x80
"""Added to the type of a frame whose payload is compressed, or is a piece of a compressed message."""

_COUNT: Final = Layout(">I")
U32: TypeAlias = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class _ErrorBody(Struct, frozen=True, array_like=True, gc=False):
    code: U32
    name: str
    message: str
    fields: bytes
    trace_id: str | None
    begun: bool
    retried: bool = False


class _GoodbyeBody(Struct, frozen=True, array_like=True, gc=False):
    reason: U32
    message: str
    last_call_id: U32


_encode: Final = msgspec.msgpack.Encoder().encode
_read_hello: Final = msgspec.msgpack.Decoder(Hello).decode
_read_header: Final = msgspec.msgpack.Decoder(Header).decode
_read_error: Final = msgspec.msgpack.Decoder(_ErrorBody).decode
_read_goodbye: Final = msgspec.msgpack.Decoder(_GoodbyeBody).decode


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame. The hot frames have shorter ways, above and in ``Connection``."""
    match frame:
        case Hello():
            return _framed(FrameType.HELLO, 0, MAGIC + _encode(frame))
        case Request():
            header = _encode(frame.header)
            size = len(header).to_bytes(2, "big")
            return _framed(FrameType.REQUEST, frame.call_id, size + header + bytes(frame.arguments))
        case Reply():
            return _framed(FrameType.REPLY, frame.call_id, frame.result)
        case Error(call_id, code, name, message, fields, trace_id, begun, retried):
            body = (code, name, message, fields, trace_id, begun)
            return _framed(FrameType.ERROR, call_id, _encode((*body, True) if retried else body))
        case Cancel():
            return _framed(FrameType.CANCEL, frame.call_id)
        case Item():
            return _framed(FrameType.ITEM, frame.call_id, frame.item)
        case End():
            return _framed(FrameType.END, frame.call_id)
        case Credit():
            return _framed(FrameType.CREDIT, frame.call_id, _COUNT.pack(frame.items))
        case Ping():
            return _framed(FrameType.PING, 0, frame.data)
        case Pong():
            return _framed(FrameType.PONG, 0, frame.data)
        case Chunk():
            return _framed(FrameType.CHUNK, frame.call_id, frame.piece)
        case Goodbye(reason, message, last):
            return _framed(FrameType.GOODBYE, 0, _encode(_GoodbyeBody(int(reason), message, last)))


def decode(kind: int, call_id: int, payload: bytes, *, depth: int = 100) -> Frame:
    """Return the frame of that type, call id and payload. Raises WireError if it has not the form of its type."""
    reader = _READERS.get(kind)
    if reader is None:
        raise WireError(Reason.MALFORMED, f"{kind} is not a type of frame")
    if (call_id == 0) != (kind in _OF_CONNECTION):
        name = FrameType(kind).name
        raise WireError(
            Reason.MALFORMED, f"{name} belongs to {'no' if call_id else 'a'} call, and has the call id {call_id}"
        )
    frame: Frame = reader(call_id, payload, depth)
    return frame


def _framed(kind: FrameType, call_id: int, payload: bytes = b"") -> bytes:
    return HEAD.pack(COUNTED + len(payload), kind, call_id) + payload


def _read(read: Callable[[bytes], R], payload: bytes, what: str) -> R:
    try:
        return read(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise WireError(Reason.MALFORMED, f"{what} can't be read: {error}") from None
    except RecursionError:
        raise WireError(Reason.TOO_LARGE, f"{what} is nested too deep") from None


def _hello(call_id: int, payload: bytes, depth: int) -> Hello:
    if not payload.startswith(MAGIC):
        raise WireError(Reason.NOT_FREESTONE, "HELLO does not begin with the name of the protocol")
    body = payload[len(MAGIC) :]
    check_nesting(body, depth)
    return _read(_read_hello, body, "HELLO")


def read_request(call_id: int, payload: bytes, depth: int) -> Request:
    """Return the REQUEST of that payload: what ``decode`` does, of whose call id the caller is certain."""
    end = 2 + int.from_bytes(payload[:2], "big")
    header = payload[2:end]
    if end > len(payload) or not header:
        raise WireError(Reason.MALFORMED, "REQUEST is shorter than its header")
    if len(header) > depth and may_be_deeper(header, depth):  # there are no more levels than bytes
        check_nesting(header, depth)
    decoded = _read(_read_header, header, "the header of REQUEST")
    return Request(call_id, decoded, payload[end:])


def read_large_request(call_id: int, payload: bytes, depth: int) -> Request:
    """Do what ``read_request`` does, for one whose arguments are too large to be copied: they are a view of it."""
    end = 2 + int.from_bytes(payload[:2], "big")
    request = read_request(call_id, payload[:end], depth)
    return Request(call_id, request.header, memoryview(payload)[end:])


def _reply(call_id: int, payload: bytes, depth: int) -> Reply:
    return Reply(call_id, payload)


def _error(call_id: int, payload: bytes, depth: int) -> Error:
    if payload[:1] not in (b"\x96", b"\x97"):
        check_nesting(payload, depth)
    body = _read(_read_error, payload, "ERROR")
    return Error(call_id, body.code, body.name, body.message, body.fields, body.trace_id, body.begun, body.retried)


def _cancel(call_id: int, payload: bytes, depth: int) -> Cancel:
    _exactly(payload, 0, "CANCEL")
    return Cancel(call_id)


def _item(call_id: int, payload: bytes, depth: int) -> Item:
    return Item(call_id, payload)


def _end(call_id: int, payload: bytes, depth: int) -> End:
    _exactly(payload, 0, "END")
    return End(call_id)


def _credit(call_id: int, payload: bytes, depth: int) -> Credit:
    _exactly(payload, 4, "CREDIT")
    items = int.from_bytes(payload, "big")
    if not items:
        raise WireError(Reason.MALFORMED, "CREDIT grants nothing")
    return Credit(call_id, items)


def _ping(call_id: int, payload: bytes, depth: int) -> Ping:
    _exactly(payload, 8, "PING")
    return Ping(payload)


def _pong(call_id: int, payload: bytes, depth: int) -> Pong:
    _exactly(payload, 8, "PONG")
    return Pong(payload)


def _goodbye(call_id: int, payload: bytes, depth: int) -> Goodbye:
    if payload[:1] != b"\x93":
        check_nesting(payload, depth)
    body = _read(_read_goodbye, payload, "GOODBYE")
    known = body.reason in Reason.__members__.values()
    return Goodbye(Reason(body.reason) if known else Reason.UNKNOWN, body.message, body.last_call_id)


def _chunk(call_id: int, payload: bytes, depth: int) -> Chunk:
    if not payload:
        raise WireError(Reason.MALFORMED, "CHUNK is empty")
    return Chunk(call_id, payload)


def _exactly(payload: bytes, size: int, name: str) -> None:
    if len(payload) != size:
        raise WireError(Reason.MALFORMED, f"{name} has a payload of {len(payload)} bytes; it has {size}")


_READERS: Final[dict[int, Callable[[int, bytes, int], Any]]] = {
    FrameType.HELLO: _hello,
    FrameType.REQUEST: read_request,
    FrameType.REPLY: _reply,
    FrameType.ERROR: _error,
    FrameType.CANCEL: _cancel,
    FrameType.ITEM: _item,
    FrameType.END: _end,
    FrameType.CREDIT: _credit,
    FrameType.PING: _ping,
    FrameType.PONG: _pong,
    FrameType.GOODBYE: _goodbye,
    FrameType.CHUNK: _chunk,
}
_OF_CONNECTION: Final = frozenset({FrameType.HELLO, FrameType.PING, FrameType.PONG, FrameType.GOODBYE})
