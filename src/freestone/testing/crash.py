"""A process that kills itself with SIGKILL at a point that a test has named.

What a program does between two steps can't be hit by killing it from outside. The steps are announced as signals; an
observer in the process itself counts them, and at the n-th lets nothing follow, not even a ``finally``.

    point          the process has                                      and has not
    committing     done all of a transaction                            committed it
    submitted      told the database to commit it                       heard that it has
    committed      committed it                                         told anybody
    leaving        committed events                                     given them to the broker
    sent           sent them to the stream of NATS                      heard that it has them
    acknowledged   heard from the broker that it has them               noted that in the outbox

At the two that wait for an answer the process stands still for half a second before it dies, so that it does not hear
what was done meanwhile: PostgreSQL has committed then, NATS has stored, and SQLite, which is in the process, is killed
while it writes to the disk.

The environment variable ``FREESTONE_CRASH_AT`` names them, with commas between, for a process that ``freestone run``
or ``serve`` starts *with faults*, as the kit does; without, nobody reads it. ``FREESTONE_CRASH_LOG`` names a file with
a line for each crash that was: it is what the test asserts on, and what is in it does not happen again in the process
that follows.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, final

import msgspec

from freestone.signals import (
    SIGNALS,
    CommitSent,
    EventsAcknowledged,
    EventsLeaving,
    EventsSent,
    Signal,
    TransactionCommitted,
    TransactionCommitting,
)  # fmt: skip

POINTS: Final[dict[str, tuple[type[Signal], str]]] = {
    "committing": (TransactionCommitting, "owner"),
    "submitted": (CommitSent, "owner"),
    "committed": (TransactionCommitted, "owner"),
    "leaving": (EventsLeaving, "service"),
    "sent": (EventsSent, "stream"),
    "acknowledged": (EventsAcknowledged, "service"),
}
"""The points by name: the signal that announces each, and its field that ``of`` is compared with."""

_UNANSWERED: Final = ("submitted", "sent")
_STANDS_STILL: Final = 0.5
"""Seconds in which whoever was asked does what it was asked for."""
_SYNC: Final = ("74", "75", "82", "83")
"""The system calls fsync and fdatasync, on x86-64 and on ARM."""


@final
class Crash(msgspec.Struct, frozen=True):
    """Where a process dies. Written ``process/point[of]:nth+ms``, of which all but the point may be left out.

    >>> Crash.parse("orders/committing[orders.place]:3")
    Crash(point='committing', process='orders', of='orders.place', nth=3, milliseconds=0.0)
    >>> str(Crash.parse("committing+0.4"))
    'committing+0.4'
    """

    point: str
    process: str = ""
    """The process of the topology; empty is any."""
    of: str = ""
    """The owner of the transaction, the service whose events they are, or the stream; empty is any."""
    nth: int = 1
    """At which of its announcements, counted in one life of the process."""
    milliseconds: float = 0.0
    """How long after it; what the process does goes on meanwhile."""

    @classmethod
    def parse(cls, text: str) -> Crash:
        """Return what the text says. Raises ValueError."""
        rest, _, later = text.strip().partition("+")
        rest, _, nth = rest.partition(":")
        process, slash, point = rest.rpartition("/")
        point, bracket, of = point.partition("[")
        if point not in POINTS or (bracket and not of.endswith("]")) or (slash and not process):
            raise ValueError(
                f"{text!r} is no point to crash at; say process/point[of]:nth+ms, with {', '.join(POINTS)}"
            )
        return cls(point, process, of.removesuffix("]"), int(nth or 1), float(later or 0))

    def __str__(self) -> str:
        process = f"{self.process}/" if self.process else ""
        of = f"[{self.of}]" if self.of else ""
        nth = f":{self.nth}" if self.nth != 1 else ""
        later = f"+{self.milliseconds:g}" if self.milliseconds else ""
        return f"{process}{self.point}{of}{nth}{later}"

    def meets(self, heard: Signal) -> bool:
        """Whether the signal announces this point."""
        kind, field = POINTS[self.point]
        return isinstance(heard, kind) and (not self.of or getattr(heard, field) == self.of)


def crash_at(crash: Crash | str, log: Path | None = None) -> None:
    """Have this process kill itself there, unless the log says that it has done so before.

    >>> def main():
    ...     crash_at("acknowledged:2")
    """
    crash = Crash.parse(crash) if isinstance(crash, str) else crash
    if log is not None and str(crash) in crashes(log):
        return
    seen = 0

    def observe(heard: Signal) -> None:
        nonlocal seen
        if crash.meets(heard):
            seen += 1
            if seen == crash.nth and (log is None or str(crash) not in crashes(log)):
                _die(crash, log)

    SIGNALS.subscribe(observe)


def crashes(log: Path) -> list[str]:
    """Return the crashes that a log has, as they were written."""
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def crash_as_told(process: str, environment: Mapping[str, str]) -> None:
    """Have this process kill itself where its environment says. Several points have commas between them."""
    log = environment.get("FREESTONE_CRASH_LOG")
    for text in filter(None, environment.get("FREESTONE_CRASH_AT", "").split(",")):
        crash = Crash.parse(text)
        if crash.process in ("", process):
            crash_at(crash, None if log is None else Path(log))


def _die(crash: Crash, log: Path | None) -> None:
    if log is not None:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{crash}\n")
    if crash.point in _UNANSWERED:
        _stand_still(unless=_is_syncing if crash.point == "submitted" else lambda: False)
    elif crash.milliseconds:
        threading.Thread(target=_kill_later, args=(crash.milliseconds / 1000,), daemon=True).start()
    else:
        os.kill(os.getpid(), signal.SIGKILL)


def _stand_still(unless: Callable[[], bool]) -> None:
    """Let this thread do nothing for a while, or until that is so, and then die."""
    until = time.monotonic() + _STANDS_STILL
    while time.monotonic() < until and not unless():
        time.sleep(0)
    os.kill(os.getpid(), signal.SIGKILL)


def _is_syncing() -> bool:
    """Whether a thread of this process, as that of a SQLite connection, waits for the disk. Only Linux tells."""
    for thread in Path("/proc/self/task").glob("*/syscall"):
        with contextlib.suppress(OSError):
            if thread.read_text().partition(" ")[0] in _SYNC:
                return True
    return False


def _kill_later(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)
