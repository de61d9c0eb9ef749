"""Whose monotonic clocks can be compared."""

from __future__ import annotations

import os
from pathlib import Path

from freestone.clock import Clock, SystemClock


def era_of(clock: Clock) -> str:
    """Return a text that is the same for all whose ``clock.monotonic()`` tells the same time.

    On Linux those are the processes of one boot of the kernel that are in one time namespace. Where that can't be
    known, and for a clock that somebody made up, it is this process alone.
    """
    alone = f"process {os.getpid()}, clock {id(clock)}"
    if not isinstance(clock, SystemClock):
        return alone
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"boot {boot}, {os.readlink('/proc/self/ns/time')}"
    except OSError:
        return alone
