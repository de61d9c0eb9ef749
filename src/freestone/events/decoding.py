"""From an envelope to the event that it carries, in the version that this process knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from freestone.contract import Event, upcasted

from .envelope import JSON, Envelope, Malformed


def decoder(event: type[Event]) -> Callable[[Envelope], Event]:
    """Return what makes an event of an envelope.

    It raises Malformed for what is none: bytes that do not decode, fields of other types, a version that nothing brings
    up to the present one.
    """
    from_json = msgspec.json.Decoder(event).decode
    from_msgpack = msgspec.msgpack.Decoder(event).decode
    present = event.__event_version__

    def decode(envelope: Envelope) -> Event:
        is_json = envelope.content_type == JSON
        try:
            if envelope.version == present:
                return from_json(envelope.data) if is_json else from_msgpack(envelope.data)
            fields: Any = (msgspec.json if is_json else msgspec.msgpack).decode(envelope.data)
            known = msgspec.convert(fields, dict[str, Any])
            return msgspec.convert(upcasted(event, known, envelope.version), event, strict=not is_json)
        except Exception as error:  # an upcaster is the application's, and may raise anything
            raise Malformed(f"{envelope.type} does not decode: {type(error).__name__}: {error}") from error

    return decode
