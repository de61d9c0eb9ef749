"""The brokers beyond one process."""

from __future__ import annotations

from .jetstream import JetStreamBroker
from .stream import StreamSettings

__all__ = ["JetStreamBroker", "StreamSettings"]
