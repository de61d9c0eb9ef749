"""The envelope in which an event travels: a CloudEvent 1.0, and its two encodings.

``to_json`` follows the JSON event format of CloudEvents 1.0; ``to_msgpack`` has the same attributes by the same names
in MessagePack. The event's own fields are ``data``, a map in either of the two. What others add to an envelope
(extensions, as CloudEvents calls them) is ignored, but for ``version`` and the two of W3C Trace Context.
"""

from __future__ import annotations

import re
import zlib
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any, Final, final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from freestone.contract import Event
from freestone.errors import FreestoneError

MSGPACK: Final = "application/msgpack"
JSON: Final = "application/json"
MOST_TEXT: Final = 1000
"""Bytes that an envelope's id, type, source and subject may have, each."""

_FOREIGN = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@final
class Malformed(FreestoneError, ValueError):
    """Bytes that are no CloudEvent, or one whose data is not what its type says."""


@final
class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """An event on its way."""

    id: str
    """Which no other event has; that of an event which is sent again is the same."""
    type: str
    """The service that announced it, and its name: ``progress.ResourceCompleted``."""
    source: str
    """The application and the service: ``/academy/progress``."""
    subject: str
    """The value of its key, as text. Those of one subject are read in order."""
    time: datetime
    """When it was published."""
    version: int
    """Of the event's fields."""
    data: bytes
    """The event's fields, in ``content_type``."""
    content_type: str = MSGPACK
    traceparent: str | None = None
    """In which trace it was published, as W3C Trace Context writes it."""
    tracestate: str | None = None
    partition: int = 0
    """Which of the partitions of its log it is in. No attribute of CloudEvents: it follows from the subject."""


def partition_of(subject: str, partitions: int) -> int:
    """Return in which of so many partitions the events of a subject are, from 0.

    >>> partition_of("ada", 8)
    0
    """
    return hash_of(subject) % partitions


def hash_of(subject: str) -> int:
    """Return the number of a subject from which its partition follows, whatever the number of partitions."""
    return zlib.crc32(subject.encode())


def subject_of(event: Event) -> str:
    """Return the value of an event's key as text. Raises ValueError for one that no envelope can carry."""
    key = type(event).__event_key__
    assert key is not None
    value = msgspec.to_builtins(getattr(event, key))
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    _refuse_unfit(f"key {key}", text)
    return text


def encode_data(event: Event, content_type: str = MSGPACK) -> bytes:
    """Return the fields of an event as bytes. Raises ValueError for what can't be encoded."""
    try:
        if content_type != JSON:
            return _encode_msgpack(event)
        data = _encode_json(event)
        # JSON has no word for a number that is not finite, and it would be none when it is read.
        if b"null" in data and msgspec.json.decode(data, type=type(event)) != event:
            raise ValueError("a number in it is not finite, and JSON has none that are not")
    except _FOREIGN as error:
        raise ValueError(str(error)) from error
    return data


def to_json(envelope: Envelope) -> bytes:
    """Encode in the JSON event format of CloudEvents 1.0.

    Data that is JSON is embedded as ``data``; any other is ``data_base64``.
    """
    if envelope.content_type == JSON:
        return _encode_json(_written(envelope, data=Raw(envelope.data)))
    return _encode_json(_written(envelope, data_base64=b64encode(envelope.data).decode()))


def to_msgpack(envelope: Envelope) -> bytes:
    """Encode as a MessagePack map of the same attributes.

    Data that is MessagePack is embedded as ``data``; any other is there as bytes.
    """
    embedded = Raw(envelope.data) if envelope.content_type == MSGPACK else envelope.data
    return _encode_msgpack(_written(envelope, data=embedded))


def from_json(encoded: bytes, partitions: int = 1) -> Envelope:
    """Return the envelope that ``to_json``, or another sender of CloudEvents, has encoded. Raises Malformed."""
    try:
        written = _decode_json(encoded)
        content_type = written.datacontenttype or JSON
        if isinstance(written.data_base64, str):
            data = b64decode(written.data_base64, validate=True)
        elif isinstance(written.data, Raw):
            data = bytes(written.data)
        else:
            raise ValueError("it has no data")
        return _read(written, content_type, data, partitions)
    except _FOREIGN as error:
        raise Malformed(f"it is no CloudEvent in JSON: {error}") from error


def from_msgpack(encoded: bytes, partitions: int = 1) -> Envelope:
    """Return the envelope that ``to_msgpack`` has encoded. Raises Malformed."""
    try:
        written = _decode_msgpack(encoded)
        content_type = written.datacontenttype or MSGPACK
        if not isinstance(written.data, Raw):
            raise ValueError("it has no data")
        data = bytes(written.data)
        return _read(written, content_type, data if content_type == MSGPACK else _decode_bytes(data), partitions)
    except _FOREIGN as error:
        raise Malformed(f"it is no CloudEvent in MessagePack: {error}") from error


class _Written(msgspec.Struct, omit_defaults=True):
    """The attributes, as CloudEvents calls them."""

    specversion: str
    id: str
    source: str
    type: str
    time: str
    subject: str | UnsetType = UNSET
    datacontenttype: str | None = None
    version: int = 1
    traceparent: str | None = None
    tracestate: str | None = None
    data: Any = UNSET
    data_base64: str | UnsetType = UNSET


class _Read(_Written):
    data: Raw | UnsetType = UNSET


def _written(envelope: Envelope, data: Any = UNSET, data_base64: str | UnsetType = UNSET) -> _Written:
    return _Written(
        specversion="1.0",
        id=envelope.id,
        source=envelope.source,
        type=envelope.type,
        time=envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        subject=envelope.subject or UNSET,  # CloudEvents knows no empty one
        datacontenttype=envelope.content_type,
        version=envelope.version,
        traceparent=envelope.traceparent,
        tracestate=envelope.tracestate,
        data=data,
        data_base64=data_base64,
    )


def _read(written: _Read, content_type: str, data: bytes, partitions: int) -> Envelope:
    if written.specversion != "1.0":
        raise ValueError(f"it is of version {written.specversion} of CloudEvents, and 1.0 is read here")
    empty = [name for name in ("id", "source", "type") if not getattr(written, name)]
    if empty:
        raise ValueError(f"its {empty[0]} is empty")
    subject = written.subject if isinstance(written.subject, str) else ""
    texts = (written.id, written.source, written.type, subject)
    if sum(map(len, texts)) > MOST_TEXT // 4 or _UNFIT.search("".join(texts)):
        for name, text in zip(("id", "source", "type", "subject"), texts, strict=True):
            _refuse_unfit(name, text)
    if not 0 < written.version < 2**31:
        raise ValueError(f"its version is {written.version}")
    time = msgspec.convert(written.time, datetime)
    if time.tzinfo is None:
        raise ValueError(f"its time {written.time} has no offset")
    return Envelope(
        id=written.id,
        type=written.type,
        source=written.source,
        subject=subject,
        time=time.astimezone(UTC),
        version=written.version,
        data=data,
        content_type=content_type,
        traceparent=_fit(written.traceparent),
        tracestate=_fit(written.tracestate),
        partition=partition_of(subject, partitions),
    )


def _refuse_unfit(name: str, text: str) -> None:
    """Raise ValueError for a text of an envelope that not every database takes, or takes into an index."""
    if _UNFIT.search(text):
        raise ValueError(f"its {name} is {text!r}, and control characters can't be in one")
    if (size := len(text.encode())) > MOST_TEXT:
        raise ValueError(f"its {name} has {size} bytes, and one has {MOST_TEXT} at most")


def _fit(text: str | None) -> str | None:
    """Return it if every database takes it."""
    return None if text is None or _UNFIT.search(text) else text


_encode_json: Final = msgspec.json.Encoder().encode
_encode_msgpack: Final = msgspec.msgpack.Encoder().encode
_decode_json: Final = msgspec.json.Decoder(_Read).decode
_decode_msgpack: Final = msgspec.msgpack.Decoder(_Read).decode
_decode_bytes: Final = msgspec.msgpack.Decoder(bytes).decode
