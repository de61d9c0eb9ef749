"""From a context to the end of a request's header, and back: what a call carries besides its deadline and its trace.

The header has one map for it. A key of it is there only if there is something to say:

    key       the idempotency key of a command
    attempt   how many times the call was sent before
    span      the span that it comes from, flags and state: W3C Trace Context
    fields    the application's own fields, by name; what this process has not declared is passed on unread

A call with nothing to say has a tail that was made before, and its context is as it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Raw

from freestone.clock import call_key
from freestone.contract import Operation
from freestone.errors import InvalidArgument
from freestone.service import (
    MAX_FIELDS,
    MAX_STATE,
    Context,
    Extra,
    declared_field,
    is_key,
    is_span_id,
)
from freestone.wire import request_tail

R = TypeVar("R")

NOBODY: Final = request_tail()
"""The tail of a call with nothing to say."""
_encode: Final = msgspec.msgpack.Encoder().encode
_text: Final = msgspec.msgpack.Decoder(str).decode
_count: Final = msgspec.msgpack.Decoder(Annotated[int, Meta(ge=1)]).decode
_flags: Final = msgspec.msgpack.Decoder(Annotated[int, Meta(ge=0, le=255)]).decode
_fields: Final = msgspec.msgpack.Decoder(dict[str, Raw]).decode

_KEY: Final = _encode("key")
_ATTEMPT: Final = _encode("attempt")
_ONE_KEY: Final = b"\x81" + _KEY + b"\xd9\x20"
"""A map of one entry, the key of which has 32 characters: what most commands have."""


def command_key(outer: Context | None, name: str, operation: Operation, arguments: tuple[Any, ...]) -> str:
    """Return the idempotency key of a command that is called now, from that context."""
    return call_key() if outer is None else outer.key_of_call(name, operation, arguments)


def tail(outer: Context | None, key: str | None = None, attempt: int = 0) -> bytes:
    """Return the end of a request's header: on whose behalf the call is made, and what it carries.

    ``outer`` is the context of the caller; ``key`` the idempotency key, for a command; ``attempt`` how many times the
    call was sent before.
    """
    identity = None if outer is None else outer.identity
    plain = NOBODY if identity is None else request_tail(identity.subject, identity.scopes)
    extra = None if outer is None else outer.extra
    if extra is None and not attempt:
        if key is None:
            return plain
        if len(key) == 32:
            return plain[:-1] + _ONE_KEY + key.encode()
    count, entries = (0, b"") if extra is None else extra.encoded or _entries(extra)
    if key is not None:
        count, entries = count + 1, entries + _KEY + _encode(key)
    if attempt:
        count, entries = count + 1, entries + _ATTEMPT + _encode(attempt)
    return plain[:-1] + bytes((0x80 | count,)) + entries


def receive(context: Context, extra: Mapping[str, Raw]) -> None:
    """Give a context that was made for a request what the request carries. Raises InvalidArgument.

    Tracing is for people who look at a system, and never fails a call: what is wrong with it is left out.
    """
    if len(extra) == 1 and (data := extra.get("span")) is not None:  # as in a trace that is not sampled
        if is_span_id(span := _leniently(_text, data)):
            context.extra = Extra(span_id=span)
        return
    key = None
    if (data := extra.get("key")) is not None:
        key = _read(_text, data, "key")
        if not is_key(key):
            raise InvalidArgument("the key of the request is no idempotency key")
        if len(extra) == 1:  # as in most commands
            context.receive(None, key)
            return
    attempt = 0 if (data := extra.get("attempt")) is None else _read(_count, data, "attempt")
    span, flags, state = None, 0, ""
    fields: Mapping[str, bytes] = {}
    if (data := extra.get("span")) is not None and is_span_id(found := _leniently(_text, data)):
        span = found
    if (data := extra.get("flags")) is not None:
        flags = _leniently(_flags, data) or 0
    if (data := extra.get("state")) is not None and len(written := _leniently(_text, data) or "") <= MAX_STATE:
        state = written
    if (data := extra.get("fields")) is not None:
        fields = _received_fields(data)
    if span is None and not flags and not state and not fields:
        context.receive(None, key, attempt)
        return
    carried = Extra(span_id=span, flags=flags, state=state, fields=fields)
    for name, value in fields.items():
        declared = declared_field(name)
        if declared is not None:
            carried.known[declared] = declared.decode(value)
    context.receive(carried, key, attempt)


def _entries(extra: Extra) -> tuple[int, bytes]:
    """Encode what is the same in each call that carries it."""
    said: dict[str, Any] = {}
    if extra.span_id is not None:
        said["span"] = extra.span_id
    if extra.flags:
        said["flags"] = extra.flags
    if extra.state:
        said["state"] = extra.state
    if extra.fields:
        said["fields"] = {name: Raw(data) for name, data in extra.fields.items()}
    extra.encoded = len(said), _encode(said)[1:]
    return extra.encoded


def _received_fields(data: Raw) -> Mapping[str, bytes]:
    fields = _read(_fields, data, "fields")
    size = sum(len(name.encode()) + len(value) for name, value in fields.items())
    if size > MAX_FIELDS:
        raise InvalidArgument(f"the context fields of the request have {size} bytes; at most {MAX_FIELDS} may travel")
    return {name: bytes(value) for name, value in fields.items()}


def _read(decode: Callable[[Raw], R], data: Raw, name: str) -> R:
    try:
        return decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{name} of the request is wrong: {error}") from None


def _leniently(decode: Callable[[Raw], R], data: Raw) -> R | None:
    try:
        return decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
