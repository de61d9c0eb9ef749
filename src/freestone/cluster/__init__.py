"""Many machines: the connection to NATS, and what is built on it: discovery, and leases."""

from __future__ import annotations

from .announcement import Announcement
from .cancellation import heeding
from .connection import NatsConnection, NatsSettings
from .discovery import NatsResolver
from .lease import NatsLeases
from .roster import Roster

__all__ = ["Announcement", "NatsConnection", "NatsLeases", "NatsResolver", "NatsSettings", "Roster", "heeding"]
