"""The directory of a run's sockets: private, short-named, and removed by whoever is the last to leave.

The supervisor removes it. If the supervisor is killed, its children do: each holds a shared lock on the
directory for as long as it lives, and one that leaves tries for the exclusive lock. Only the last can have
it, and the kernel gives up the locks of those that are killed. If all of them are killed, the run's sweeper does.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any, final

from freestone.errors import ConfigurationError, Mistake

_PREFIX = "freestone-"
_LONGEST_PLACE = 50
"""Bytes of the directory in which it is made: more would leave too few for the socket's path, which has about
100.
"""


@final
class RuntimeDirectory:
    """A directory that only this user can enter, with the sockets of one run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @classmethod
    def make(cls) -> RuntimeDirectory:
        """Make a fresh one with mode 0700, where temporary files go, or in ``/tmp`` if that place's name is
        too long for a socket's path.
        """
        place = tempfile.gettempdir()
        if len(os.fsencode(place)) > _LONGEST_PLACE:
            place = "/tmp"
        return cls(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place)))

    def hold(self) -> None:
        """Say that this process uses the directory. Does nothing if it is gone."""
        with contextlib.suppress(FileNotFoundError):
            self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """Say that this process does not use it any more; return whether it was the last that did."""
        if self._lock is None:
            return False
        try:
            # Converting the lock gives up the shared one first, so of two that leave at once exactly one
            # wins.
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(self._lock)
            self._lock = None
        return True

    def in_use(self) -> bool:
        """Whether any process uses it."""
        try:
            lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def wait_for_all(self) -> None:
        """Wait until no process uses it."""
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
            finally:
                os.close(lock)

    def remove(self) -> None:
        """Remove the directory and what is in it. Does nothing if it is gone, or was not made here."""
        if self.path.name.startswith(_PREFIX):
            shutil.rmtree(self.path, ignore_errors=True)


def listen_unix(path: Path) -> socket.socket:
    """Bind a Unix socket and listen on it."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    return _listening(listener, str(path), str(path))


def listen_tcp(host: str, port: int) -> socket.socket:
    """Bind a TCP socket and listen on it; port 0 takes any that is free.

    Raises ConfigurationError if the address can't be had.
    """
    shown = f"{host}:{port}"
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        raise _cannot_listen(shown, error) from error
    listener = socket.socket(family, kind, protocol)
    # Connections of the run before, in TIME_WAIT, must not keep this one from starting.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return _listening(listener, address, shown)


def _listening(listener: socket.socket, address: str | tuple[Any, ...], shown: str) -> socket.socket:
    try:
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise _cannot_listen(shown, error) from error
    return listener


def _cannot_listen(shown: str, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        [
            Mistake(
                f"address {shown}",
                f"cannot listen there: {(error.strerror or str(error)).lower()}",
                "stop what uses it, or name another address",
            )
        ]
    )
