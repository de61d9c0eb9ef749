"""The lifeline between a supervisor and its child: a socket pair, one end each.

It says three things. *The supervisor lives*: its end closes, in whatever way it dies, and the child reads the
end of the stream; then the child drains and exits, within a grace. *The child serves*: it writes ``ready``.
*The child can't be started*: it writes why, before it exits with `CONFIGURATION_EXIT`.

The child listens in a thread of its own, so that an event loop that is blocked cannot keep an orphan alive.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import final

import msgspec

CONFIGURATION_EXIT = os.EX_CONFIG
"""The exit status (78 in sysexits.h) of a process that would not start however often it is tried."""

ORPHANED_EXIT = os.EX_TEMPFAIL
"""The exit status (75) of a child that outlived its supervisor and did not drain in time."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The child serves."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The child can't be started, and to try again would change nothing."""

    reason: str


_LONGEST_REPORT = 1024 * 1024
_REPORT: msgspec.json.Decoder[Ready | Refused] = msgspec.json.Decoder(Ready | Refused)


@final
class Lifeline:
    """A child's end. ``fd`` is the descriptor that the supervisor passed on."""

    def __init__(self, fd: int) -> None:
        os.set_inheritable(fd, False)  # a grandchild must not hold it open
        self._socket = socket.socket(fileno=fd)
        self.lost = False
        """Whether the supervisor is gone."""

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def watch(self, *, grace: float, farewell: Callable[[], None]) -> None:
        """When the supervisor is gone, drain as SIGTERM does; if that takes longer than ``grace`` seconds,
        call ``farewell`` and end the process, whatever it is doing.
        """
        threading.Thread(target=self._watch, args=(grace, farewell), name="lifeline", daemon=True).start()

    def ready(self) -> None:
        """Tell the supervisor that this process serves."""
        self._send(Ready())

    def refuse(self, reason: str) -> None:
        """Tell the supervisor why this process can't be started. Exit with `CONFIGURATION_EXIT` then."""
        self._send(Refused(reason))

    def supervised(self) -> bool:
        """Whether the supervisor is still there. Waits until it says something or goes; for one that is not watched."""
        try:
            return bool(self._socket.recv(64))
        except ConnectionResetError:
            return False

    def close(self) -> None:
        """Let go of it, where it is not watched; the supervisor takes no notice."""
        self._socket.close()

    def _send(self, report: Ready | Refused) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # then `watch` hears of it
            self._socket.sendall(msgspec.json.encode(report) + b"\n")

    def _watch(self, grace: float, farewell: Callable[[], None]) -> None:
        with contextlib.suppress(ConnectionResetError):
            while self._socket.recv(64):
                pass
        self.lost = True
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGTERM)  # the thread that has to hear of it, whatever it waits for
        threading.Event().wait(grace)
        farewell()
        os._exit(ORPHANED_EXIT)


@final
class Reports:
    """A supervisor's end: the reports of one child."""

    def __init__(self) -> None:
        self._socket, self.childs_end = socket.socketpair()
        self._socket.setblocking(False)
        self._rest = b""
        self.ended = False
        """Whether the child has closed its end."""

    def fileno(self) -> int:
        """Return the descriptor, to wait for reports."""
        return self._socket.fileno()

    def read(self) -> list[Ready | Refused]:
        """Return the reports that have come. What is no report is passed over: a child can say only what is
        here.
        """
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while data := self._socket.recv(65536):
                self._rest = (self._rest + data)[-_LONGEST_REPORT:]
            self.ended = True
        *lines, self._rest = self._rest.split(b"\n")
        reports: list[Ready | Refused] = []
        for line in lines:
            with contextlib.suppress(msgspec.DecodeError):
                reports.append(_REPORT.decode(line))
        return reports

    def close(self) -> None:
        """Close both ends."""
        self._socket.close()
        self.childs_end.close()
