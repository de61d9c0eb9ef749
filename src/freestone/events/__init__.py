"""What a service announces: events in envelopes, the outbox they are written to, and the brokers that carry them."""

from __future__ import annotations

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
from .subscription import Subscription, subscribe, subscriptions

__all__ = [
    "JSON",
    "MSGPACK",
    "Broker",
    "Cursor",
    "Envelope",
    "LogLost",
    "LogTrimmed",
    "Malformed",
    "Recorded",
    "Source",
    "Subscription",
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
