"""For an application's tests: runners for every placement, fakes, and the conformance suites of the seams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freestone.lazy import lazily

if TYPE_CHECKING:
    from .broker import MemoryBroker
    from .clock import FakeClock, FakeIds, fake_random
    from .crash import Crash, crash_at, crashes
    from .events import announced
    from .fakes import FakeTransport, fake
    from .leases import MemoryLeases
    from .placement import Placement, Running, running
    from .postgres import PostgresServer, postgres_server
    from .proxy import Flow, Proxy, proxied
    from .runner import Processes, processes

__all__ = [
    "Crash",
    "FakeClock",
    "FakeIds",
    "FakeTransport",
    "Flow",
    "MemoryBroker",
    "MemoryLeases",
    "Placement",
    "PostgresServer",
    "Processes",
    "Proxy",
    "Running",
    "announced",
    "crash_at",
    "crashes",
    "fake",
    "fake_random",
    "postgres_server",
    "processes",
    "proxied",
    "running",
]

__getattr__ = lazily(
    __name__,
    {
        "broker": ("MemoryBroker",),
        "clock": ("FakeClock", "FakeIds", "fake_random"),
        "crash": ("Crash", "crash_at", "crashes"),
        "events": ("announced",),
        "fakes": ("FakeTransport", "fake"),
        "leases": ("MemoryLeases",),
        "placement": ("Placement", "Running", "running"),
        "postgres": ("PostgresServer", "postgres_server"),
        "proxy": ("Flow", "Proxy", "proxied"),
        "runner": ("Processes", "processes"),
    },
)
"""Imported at the first use: pytest imports this package, for its plugin, in every project where it is installed."""
