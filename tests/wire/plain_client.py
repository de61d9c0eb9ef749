"""A client of the wire in plain synchronous Python, written from ``docs/wire.md`` alone: nothing here is Freestone's.

One call at a time, on one connection. ``cancel`` may come from another thread. Values are what MessagePack makes of
them; ``read`` and arguments that are bytes already let somebody who knows a contract do better.
"""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

from msgspec.msgpack import decode, encode

HELLO, REQUEST, REPLY, ERROR, CANCEL, ITEM, END, CREDIT, PING, PONG, GOODBYE, CHUNK = range(1, 13)
PIECE = 65536


class Failed(Exception):
    """The callee answered with an error: ``args`` are code, name, message, fields, trace id, begun and retried."""


class Lost(ConnectionError):
    """The connection ended. ``args`` are why, and whether the call may have begun."""


class PlainClient:
    """Calls the services at the other end of a connected socket."""

    def __init__(self, sock: socket.socket, application: str, process: str = "plain", patience: float = 5) -> None:
        self._socket = sock
        self._sending = threading.Lock()
        self._ids = itertools.count(1)
        self._call, self._given_up, self._leaving = 0, False, ""
        self._bytes = bytearray()
        self._fault: Exception | None = None
        self._granted = threading.Semaphore(0)
        hello = {"versions": [2], "application": application, "process": process, "instance": "1"}
        self._send(HELLO, 0, b"freestone" + encode(hello))
        kind, _, payload = self._frame(time.monotonic() + patience)
        if kind == GOODBYE:
            raise Lost(decode(payload)[1], False)
        if kind != HELLO or not payload.startswith(b"freestone"):
            raise Lost("the other side does not speak the protocol", False)
        self.peer: dict[str, Any] = decode(payload[9:])
        if 2 not in self.peer["versions"]:
            raise Lost(f"no common version: the callee speaks {self.peer['versions']}", False)

    def call(self, operation: str, arguments: Any, **how: Any) -> Any:
        """Make a unary call and return its result; see ``items`` for ``how``."""
        (result,) = self.items(operation, arguments, credit=0, **how)
        return result

    def items(
        self, operation: str, arguments: Any, *, command: bool = False, credit: int = 32, timeout: float | None = 10,
        context: tuple[str, Any, Any] = ("0" * 31 + "1", None, {}), sends: Any = None, read: Any = decode,
    ) -> Iterator[Any]:  # fmt: skip
        """Make a call, and yield what it returns. Raises Failed, Lost, TimeoutError, and what ``sends`` raises.

        ``context`` are trace id, identity and extras; ``sends`` the items that the caller sends, made on a thread.
        """
        self._settle()
        if self._leaving:
            raise Lost(self._leaving, False)
        self._call, self._given_up = next(self._ids), False
        until = None if timeout is None else time.monotonic() + timeout
        remaining = None if timeout is None else max(0, int(timeout * 1e6))
        header = encode([operation, int(command) + 2 * (sends is not None), credit, remaining, *context])
        body = arguments if isinstance(arguments, bytes) else encode(arguments)
        self._message(REQUEST, self._call, struct.pack(">H", len(header)) + header + body)
        ended = False
        try:
            for ended, payload in self._answers(until, iter(sends or ())):
                if payload is not None:
                    yield read(payload)
                if ended:
                    return
                if credit:  # as the consumer takes them
                    self._send(CREDIT, self._call, struct.pack(">I", 1))
        except Failed as failure:
            ended = True
            raise self._fault or failure from None
        finally:
            if not ended:
                self.cancel()
            self._call = 0
            self._granted.release()

    def cancel(self) -> None:
        """Give up the call that is under way. May come from any thread."""
        with contextlib.suppress(OSError), self._sending:
            if self._call and not self._given_up:
                self._given_up = True
                self._write(CANCEL, self._call, b"")

    def close(self) -> None:
        """Leave."""
        with contextlib.suppress(OSError):
            self._send(GOODBYE, 0, encode([0, "the client is done", 0]))
        self._socket.close()

    # --- answers

    def _settle(self) -> None:
        """Take what has come since the last call; it may be that the callee has closed the connection."""
        try:
            while self._bytes or select.select([self._socket], [], [], 0)[0]:
                self._heed(*self._frame(None))
        except OSError as error:
            self._leaving = self._leaving or str(error.args[0])

    def _heed(self, kind: int, _: int, payload: bytes) -> None:
        """Act on a frame that concerns the connection."""
        if kind == PING:
            with contextlib.suppress(OSError):  # reading will tell why
                self._send(PONG, 0, payload)
        elif kind == GOODBYE:
            reason, self._leaving, last = decode(payload)[:3]
            if reason != 0 or last < self._call:
                raise Lost(self._leaving, reason != 0)

    def _answers(self, until: float | None, sends: Iterator[Any]) -> Iterator[tuple[bool, bytes | None]]:
        """Yield what comes for the current call: whether that ends it, and the message if there is one."""
        self._fault, self._granted = None, threading.Semaphore(0)
        feeder = threading.Thread(target=self._feed, args=(self._call, sends, self._granted), daemon=True)
        pieces = b""
        while True:
            kind, call_id, payload = self._frame(until)
            if not call_id:
                self._heed(kind, call_id, payload)
            elif call_id != self._call:
                continue
            elif kind == CHUNK:
                pieces += payload
            elif kind == CREDIT:
                self._granted.release(struct.unpack(">I", payload)[0])
                if feeder.ident is None:
                    feeder.start()
            elif kind == END:
                yield True, None
            elif kind == ERROR:
                raise Failed(*decode(pieces + payload)[:7])
            else:
                whole, pieces = pieces + payload, b""
                yield kind == REPLY, whole

    def _feed(self, call: int, sends: Iterator[Any], granted: threading.Semaphore) -> None:
        """Send an item for each that is granted, and the end."""
        try:
            while granted.acquire() and self._call == call and not self._given_up:
                if (item := next(sends, self)) is self:
                    return self._send(END, call, b"")
                self._message(ITEM, call, item if isinstance(item, bytes) else encode(item))
        except Exception as error:
            self._fault = error
            self.cancel()

    # --- bytes

    def _message(self, kind: int, call_id: int, payload: bytes) -> None:
        if len(payload) > self.peer.get("max_message", 134217728):
            raise ValueError(f"{len(payload)} bytes are over the callee's limit on messages")
        while len(payload) > PIECE:
            self._send(CHUNK, call_id, payload[:PIECE])
            payload = payload[PIECE:]
        self._send(kind, call_id, payload)

    def _send(self, kind: int, call_id: int, payload: bytes) -> None:
        with self._sending:
            if not call_id or (call_id == self._call and not self._given_up):  # nothing for one given up
                self._write(kind, call_id, payload)

    def _write(self, kind: int, call_id: int, payload: bytes) -> None:
        self._socket.sendall(struct.pack(">IBI", 5 + len(payload), kind, call_id) + payload)

    def _frame(self, until: float | None) -> tuple[int, int, bytes]:
        """Return the next frame. Raises TimeoutError then, Lost when there is none any more."""
        (length,) = struct.unpack(">I", self._exactly(4, until))
        kind, call_id = struct.unpack(">BI", self._exactly(5, until))
        return kind, call_id, self._exactly(length - 5, until)

    def _exactly(self, count: int, until: float | None) -> bytes:
        while len(self._bytes) < count:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            if not (data := self._socket.recv(1 << 20)):
                raise Lost("the callee closed the connection", True)
            self._bytes += data
        taken = bytes(self._bytes[:count])
        del self._bytes[:count]
        return taken
