"""What a service announces: events in envelopes, the outbox they are written to, and the brokers that carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .broker import Broker, Cursor, LogLost, LogTrimmed, Recorded, Source
from .envelope import (
    JSON,
    MSGPACK,
    Envelope,
    Malformed,
    encode_data,
    from_json,
    from_msgpack,
    partition_of,
    subject_of,
    to_json,
    to_msgpack,
)
from .misuse import ForeignEvent
from .subscription import Subscription, subscribe, subscriptions

if TYPE_CHECKING:
    from .embedded import EmbeddedBroker
    from .log import Log
    from .outbox import Outbox
    from .publisher import Publisher
    from .relay import Relay
    from .subscribers import Subscribers
    from .waiting import Waiting

__all__ = [
    "JSON",
    "MSGPACK",
    "Broker",
    "Cursor",
    "EmbeddedBroker",
    "Envelope",
    "ForeignEvent",
    "Log",
    "LogLost",
    "LogTrimmed",
    "Malformed",
    "Outbox",
    "Publisher",
    "Recorded",
    "Relay",
    "Source",
    "Subscribers",
    "Subscription",
    "Waiting",
    "encode_data",
    "from_json",
    "from_msgpack",
    "partition_of",
    "subject_of",
    "subscribe",
    "subscriptions",
    "to_json",
    "to_msgpack",
]

_HOMES = {
    "EmbeddedBroker": "embedded",
    "Log": "log",
    "Outbox": "outbox",
    "Publisher": "publisher",
    "Relay": "relay",
    "Subscribers": "subscribers",
    "Waiting": "waiting",
}
"""Imported at the first use, and SQLAlchemy with them: to read a file that names events, none is needed."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
