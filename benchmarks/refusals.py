"""How long a server takes to refuse a call: from when it has read the request until it has written the answer.

What a caller sees is more than that: its request waits in the socket while the server's loop is at something else, and
the answer waits for the caller's loop. Those who are refused at once are told apart from those who have waited.
"""

from __future__ import annotations

from collections import defaultdict
from time import perf_counter
from typing import Any, final

from freestone.call.link import Link
from freestone.call.session import Session
from freestone.call.waiting_call import WaitingCall
from freestone.contract import ErrorBody
from freestone.wire import Event, Request


@final
class Refusals:
    """Watches all servers of this process, from the moment at which it is made."""

    def __init__(self) -> None:
        self._read: dict[tuple[Session, int], float] = {}
        self._waited: set[tuple[Session, int]] = set()
        self._unwritten: defaultdict[Link, list[tuple[float, bool]]] = defaultdict(list)
        self._seconds: tuple[list[float], list[float]] = ([], [])
        received, refuse, refuse_waiting, flush = Session.received, Session.refuse, WaitingCall.refuse, Link.flush

        def note_received(session: Session, events: list[Event]) -> None:
            now = perf_counter()
            for event in events:
                if type(event) is Request:
                    self._read[session, event.call_id] = now
            received(session, events)

        def note_refusal(session: Session, call_id: int, body: ErrorBody) -> None:
            call = session, call_id
            self._unwritten[session.link].append((self._read.pop(call, perf_counter()), call in self._waited))
            self._waited.discard(call)
            refuse(session, call_id, body)

        def note_waiting(call: WaitingCall, body: ErrorBody) -> None:
            self._waited.add((call.session, call.call_id))
            refuse_waiting(call, body)

        def note_written(link: Link) -> None:
            flush(link)
            if (written := self._unwritten.get(link)) and not link.flushing:
                now = perf_counter()
                for read, waited in written:
                    self._seconds[waited].append(now - read)
                written.clear()

        patched: Any = (Session, WaitingCall, Link)
        patched[0].received, patched[0].refuse = note_received, note_refusal
        patched[1].refuse, patched[2].flush = note_waiting, note_written

    def take(self) -> tuple[float, ...]:
        """Return how many there were, and the median and the 99th percentile in milliseconds: of those that were
        refused at once, and of those that had waited. Begin anew.
        """
        found: list[float] = []
        for seconds in self._seconds:
            seconds.sort()
            count = len(seconds)
            found += [count, *(seconds[int(count * share)] * 1e3 if count else float("nan") for share in (0.5, 0.99))]
            seconds.clear()
        self._read.clear()
        return tuple(found)
