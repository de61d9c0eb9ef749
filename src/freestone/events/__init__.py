"""What a service announces: events in envelopes, the outbox they are written to, and the brokers that carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freestone.lazy import lazily

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
    from .aside import State
    from .choice import Choice
    from .embedded import EmbeddedBroker
    from .invalidation import Invalidation
    from .kept import Kept
    from .lag import Lag, lags
    from .log import Log
    from .looking import Following, Written, last_event, latest_events, waiting_events
    from .outbox import Outbox
    from .partitions import Partitions
    from .publisher import Publisher
    from .relay import Relay
    from .subscribers import Subscribers
    from .tending import count_kept, drop_kept, find_kept, forget_subscription, remembers, retry_kept
    from .waiting import Waiting

__all__ = [
    "JSON",
    "MSGPACK",
    "Broker",
    "Choice",
    "Cursor",
    "EmbeddedBroker",
    "Envelope",
    "Following",
    "ForeignEvent",
    "Invalidation",
    "Kept",
    "Lag",
    "Log",
    "LogLost",
    "LogTrimmed",
    "Malformed",
    "Outbox",
    "Partitions",
    "Publisher",
    "Recorded",
    "Relay",
    "Source",
    "State",
    "Subscribers",
    "Subscription",
    "Waiting",
    "Written",
    "count_kept",
    "drop_kept",
    "encode_data",
    "find_kept",
    "forget_subscription",
    "from_json",
    "from_msgpack",
    "lags",
    "last_event",
    "latest_events",
    "partition_of",
    "remembers",
    "retry_kept",
    "subject_of",
    "subscribe",
    "subscriptions",
    "to_json",
    "to_msgpack",
    "waiting_events",
]

__getattr__ = lazily(
    __name__,
    {
        "aside": ("State",),
        "choice": ("Choice",),
        "kept": ("Kept",),
        "lag": ("Lag", "lags"),
        "looking": ("Following", "Written", "last_event", "latest_events", "waiting_events"),
        "tending": ("count_kept", "drop_kept", "find_kept", "forget_subscription", "remembers", "retry_kept"),
        "embedded": ("EmbeddedBroker",),
        "invalidation": ("Invalidation",),
        "log": ("Log",),
        "outbox": ("Outbox",),
        "partitions": ("Partitions",),
        "publisher": ("Publisher",),
        "relay": ("Relay",),
        "subscribers": ("Subscribers",),
        "waiting": ("Waiting",),
    },
)
"""Imported at the first use, and SQLAlchemy with them: to read a file that names events, none is needed."""
