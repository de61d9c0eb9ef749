"""Writes down which signals were announced in any process: one line each, in a file that all of them share.

So a test sees which of the rare paths were really taken, also in a process that was killed afterwards.
"""

from __future__ import annotations

import os
import time

from freestone.signals import SIGNALS, Signal


def witness(path: str) -> None:
    """Append each signal from now on, with the process and the time. A line is short enough to be written whole."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def hear(signal: Signal) -> None:
        os.write(file, f"{os.getpid()}@{time.time():.3f} {signal!r}\n".encode())

    SIGNALS.subscribe(hear)


if where := os.environ.get("LEDGER_WITNESS"):
    witness(where)
