"""TLS between a socket and a protocol: mutual, version 1.3, with the identities checked before a byte is handed on.

The event loops have TLS of their own. It is not used, for three reasons. A handshake that fails ends there in
silence, while here both sides get a sentence: the alert is sent, a peer that speaks no TLS is answered in the clear,
and one that is not admitted is told so. Each of those loops holds 256 KB for a connection, idle ones too. And both
behave alike here.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol, cast, final

from freestone.signals import SIGNALS, PeerRefused
from freestone.wire import Goodbye, Reason, encode

from .credentials import Proof
from .eager import WRAPS
from .identity import Certified, certified_by

_log = logging.getLogger("freestone.call")
_HANDSHAKE: Final = 0x16
"""The first byte of whoever speaks TLS; what speaks the wire begins with 0."""
_CHUNK: Final = 256 * 1024
_NO_TLS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
)


class Door(Protocol):
    """What one end needs to know of where it stands."""

    def opened(self, end: TlsEnd) -> None:
        """The handshake is done, and the other end is who it may be."""
        ...

    def failed(self, end: TlsEnd, reason: str) -> None:
        """The handshake failed, for that reason; the connection closes."""
        ...


@final
class TlsEnd(asyncio.Protocol):
    """One end of a connection. The protocol of ``factory`` is connected when the handshake is done."""

    def __init__(self, proof: Proof, factory: Callable[[], asyncio.Protocol], *, server_side: bool, door: Door) -> None:
        self._proof = proof
        self._factory = factory
        self._server_side = server_side
        self._door: Door | None = door
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = proof.accepting() if server_side else proof.calling()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side)
        self._raw: asyncio.Transport | None = None
        self._inner: asyncio.Protocol | None = None
        self._greeted = False
        self._error: OSError | None = None
        self.certified: Certified | None = None

    # --- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._raw = cast(asyncio.Transport, transport)
        if not self._server_side:
            self._shake()

    def data_received(self, data: bytes) -> None:
        if self._server_side and not self._greeted and data[0] != _HANDSHAKE:
            self._refuse_in_the_clear()
            return
        self._greeted = True
        self._incoming.write(data)
        if self._inner is None:
            self._shake()
        else:
            self._read()

    def eof_received(self) -> None:
        """Let the transport close itself: half a connection is of no use."""

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._raw = None
        if self._inner is not None:
            self._inner.connection_lost(self._error or exc)
        else:
            self._fail("it closed the connection during the handshake" if exc is None else str(exc))

    # --- what its owner calls

    def give_up(self, reason: str) -> None:
        """End a handshake that takes too long. Does nothing when it is over."""
        if self._inner is None:
            self._fail(reason)
            self._abort()

    # --- what the transport calls

    @property
    def raw(self) -> asyncio.Transport | None:
        """The transport beneath, as long as there is one."""
        return self._raw

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Encrypt and write."""
        if self._raw is None:
            return
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]
        self._flush()

    def close(self) -> None:
        """Write what is left, say that it is the end, and close."""
        if self._raw is not None and not self._raw.is_closing():
            with suppress(ssl.SSLError):  # the other end's goodbye is not waited for
                self._tls.unwrap()
            self._flush()
            self._raw.close()

    # --- inside

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            self._flush()  # the alert, without which the other end would not know
            self._fail(_sentence(error))
            self._close_raw()
            return
        self._flush()
        try:
            certified = certified_by(self._tls.getpeercert() or {})
        except ValueError as error:
            self._refuse(str(error))
            return
        if self._server_side and (refusal := self._proof.refusal(certified)):
            self._refuse(refusal)
            return
        self._open(certified)

    def _open(self, certified: Certified) -> None:
        self.certified = certified
        self._inner = self._factory()
        door, self._door = self._door, None
        if door is not None:
            door.opened(self)
        self._inner.connection_made(TlsTransport(self))
        self._read()  # what came together with the end of the handshake

    def _read(self) -> None:
        """Hand on what can be decrypted, all at once."""
        chunks: list[bytes] = []
        over = False
        try:
            while chunk := self._tls.read(_CHUNK):
                chunks.append(chunk)
            over = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            over = True
            if not isinstance(error, ssl.SSLZeroReturnError):
                self._error = OSError(_sentence(error))
        self._flush()
        if chunks and self._inner is not None:
            self._inner.data_received(b"".join(chunks))
        if over:
            self._close_raw()

    def _refuse(self, reason: str) -> None:
        """Say goodbye to an end that has proved who it is, and is nobody who may come in."""
        self.write(encode(Goodbye(Reason.IDENTITY, reason, 0)))
        self._fail(reason)
        self.close()

    def _refuse_in_the_clear(self) -> None:
        if self._raw is not None and not self._raw.is_closing():
            message = "TLS is spoken here; the application's [tls] says with which certificates"
            self._raw.write(encode(Goodbye(Reason.IDENTITY, message, 0)))
            self._fail("it speaks no TLS")
            self._raw.close()

    def _fail(self, reason: str) -> None:
        door, self._door = self._door, None
        if door is not None:
            door.failed(self, reason)

    def _flush(self) -> None:
        if self._outgoing.pending and self._raw is not None:
            self._raw.write(self._outgoing.read())

    def _close_raw(self) -> None:
        if self._raw is not None:
            self._raw.close()

    def _abort(self) -> None:
        if self._raw is not None:
            self._raw.abort()


@final
class TlsTransport(asyncio.Transport):
    """What the protocol above writes to. The extra ``certified`` says who is at the other end."""

    def __init__(self, end: TlsEnd) -> None:
        super().__init__()
        self._end = end

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if not self.is_closing():
            self._end.write(data)

    def close(self) -> None:
        self._end.close()

    def abort(self) -> None:
        if self._end.raw is not None:
            self._end.raw.abort()

    def is_closing(self) -> bool:
        return self._end.raw is None or self._end.raw.is_closing()

    def pause_reading(self) -> None:
        if not self.is_closing():
            cast(asyncio.Transport, self._end.raw).pause_reading()

    def resume_reading(self) -> None:
        if not self.is_closing():
            cast(asyncio.Transport, self._end.raw).resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if self._end.raw is not None:
            self._end.raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return 0 if self._end.raw is None else self._end.raw.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "certified":
            return self._end.certified
        if name == WRAPS:
            return True
        return default if self._end.raw is None else self._end.raw.get_extra_info(name, default)


@final
class Dialling:
    """The door of an end that calls: whoever dialled waits for it."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def opened(self, end: TlsEnd) -> None:
        if not self.outcome.done():
            self.outcome.set_result(None)

    def failed(self, end: TlsEnd, reason: str) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(OSError(reason))

    def close(self) -> None:
        """Wait no more. What came meanwhile is of no interest."""
        if not self.outcome.cancel() and not self.outcome.cancelled():
            self.outcome.exception()


@final
class Accepting:
    """The door of a listener: it bounds how many are under way, and how long each may take."""

    def __init__(self, proof: Proof, factory: Callable[[], asyncio.Protocol], seconds: float, most: int) -> None:
        self._proof = proof
        self._factory = factory
        self._seconds = seconds
        self._most = most
        self._waiting: dict[TlsEnd, asyncio.TimerHandle] = {}

    def accept(self) -> asyncio.Protocol:
        """Return the protocol of a connection that has come in."""
        if len(self._waiting) >= self._most:
            _log.warning("a connection was turned away: %d have not proved who they are yet", self._most)
            return _Closed()
        end = TlsEnd(self._proof, self._factory, server_side=True, door=self)
        loop = asyncio.get_running_loop()
        self._waiting[end] = loop.call_later(
            self._seconds, end.give_up, f"it did not prove who it is within {self._seconds:g} s"
        )
        return end

    def opened(self, end: TlsEnd) -> None:
        self._waiting.pop(end).cancel()

    def failed(self, end: TlsEnd, reason: str) -> None:
        self._waiting.pop(end).cancel()
        refused(end.raw, reason)

    def close(self) -> None:
        """End those that are under way."""
        for end in list(self._waiting):
            end.give_up("this process is stopping")


def refused(transport: asyncio.BaseTransport | None, reason: str) -> None:
    """Log and announce that a caller was turned away at the door."""
    peer = None if transport is None else transport.get_extra_info("peername")
    who = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "a process of this machine"
    _log.warning("a caller at %s was refused: %s", who, reason)
    if SIGNALS.observed:
        SIGNALS.announce(PeerRefused(who, reason))


@final
class _Closed(asyncio.Protocol):
    """Closes at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()


def _sentence(error: ssl.SSLError) -> str:
    """Return what went wrong, of which the subject is the other end."""
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate can't be trusted: {error.verify_message}"
    if reason in _NO_TLS:
        return "it speaks no TLS"
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return "it showed no certificate"
    if "ALERT" in reason:
        said = reason.partition("ALERT_")[2].replace("_", " ").lower()
        return f"it refused this process's certificate: {said}"
    return f"its TLS can't be understood: {reason.replace('_', ' ').lower() or error}"
