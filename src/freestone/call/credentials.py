"""What a process proves itself with, and whom it believes: its certificate, its key, and the authorities.

The files are looked at for each new connection, and loaded again when they have changed: so certificates that live for
an hour are renewed without a restart. What can't be used is not: the old certificate goes on, and the log says why.
Connections that are open stay as they are.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Collection
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, final

import msgspec

from freestone.errors import ConfigurationError, Mistake
from freestone.signals import SIGNALS, CertificateLoaded, CertificateRefused

from .identity import Certified, certified_by

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger("freestone.call")
_Stamp: TypeAlias = tuple[tuple[int, int, int], ...]
_STEPS: Final = 8
"""More turns than a handshake has."""


class Proof(Protocol):
    """What the two ends of a connection need to prove who they are."""

    def calling(self) -> ssl.SSLContext:
        """Return the context of a connection that is opened now."""
        ...

    def accepting(self) -> ssl.SSLContext:
        """Return the context of a connection that is accepted now."""
        ...

    def refusal(self, caller: Certified) -> str:
        """Return why that caller may not come in; empty if it may."""
        ...


@final
class TlsFiles(msgspec.Struct, frozen=True):
    """The files, each in PEM."""

    certificate: Path
    """The process's certificate, and those between it and the authority, if there are any."""
    key: Path
    """Its key, without a password."""
    authorities: Path
    """The certificates of those who may certify a process of the application; several while one follows another."""


@final
class Credentials:
    """The files of one process, loaded. Raises ConfigurationError with what is wrong in them.

    ``who`` is the process that the certificate has to name. ``guests`` are other applications whose processes may
    call this one; it is the authority that vouches for their names too.
    """

    def __init__(self, files: TlsFiles, who: Certified, guests: Collection[str] = ()) -> None:
        self.files = files
        self.who = who
        self._admitted = {who.application, *guests}
        self._stamp = _stamp(files)
        try:
            self._calling, self._accepting = _load(files, who)
        except _Unusable as unusable:
            raise ConfigurationError([unusable.mistake]) from None

    def calling(self) -> ssl.SSLContext:
        self._refresh()
        return self._calling

    def accepting(self) -> ssl.SSLContext:
        self._refresh()
        return self._accepting

    def refusal(self, caller: Certified) -> str:
        if caller.application in self._admitted:
            return ""
        return f"{caller} is of another application, and {self.who.application} does not admit it"

    def _refresh(self) -> None:
        """Load the files anew if they have changed, and can be used."""
        stamp = _stamp(self.files)
        if stamp == self._stamp:
            return
        self._stamp = stamp  # what can't be used is tried and told once, until it changes again
        try:
            self._calling, self._accepting = _load(self.files, self.who)
        except _Unusable as unusable:
            _log.error("the certificate of before stays in use, because the new one can't be: %s", unusable.mistake)
            if SIGNALS.observed:
                SIGNALS.announce(CertificateRefused(str(self.files.certificate), str(unusable.mistake)))
        else:
            _log.info("the certificate in %s has changed, and is in use now", self.files.certificate)
            if SIGNALS.observed:
                SIGNALS.announce(CertificateLoaded(str(self.files.certificate)))


class _Unusable(Exception):
    """A file can't be used."""

    def __init__(self, key: str, path: Path, problem: str, advice: str) -> None:
        self.mistake = Mistake(f"tls.{key}", problem, advice, str(path))
        super().__init__(problem)


def _load(files: TlsFiles, who: Certified) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    for key, path in (("certificate", files.certificate), ("key", files.key), ("authorities", files.authorities)):
        try:
            path.read_bytes()
        except OSError as error:
            advice = "make some for development with `freestone certificates`, or name the files in [tls]"
            raise _Unusable(key, path, f"it can't be read: {(error.strerror or str(error)).lower()}", advice) from None
    contexts = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for context in contexts:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        _load_chain(context, files)
        try:
            context.load_verify_locations(files.authorities)
        except ssl.SSLError:
            raise _Unusable(
                "authorities", files.authorities, "it has no certificate in PEM", "name another file"
            ) from None
    contexts[1].num_tickets = 0  # a session that is resumed would not look at the certificate again
    _check_own(contexts[1], files, who)
    return contexts


def _load_chain(context: ssl.SSLContext, files: TlsFiles) -> None:
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            problem = f"it is not the key of the certificate in {files.certificate}"
            raise _Unusable("key", files.key, problem, "put both there at once, or rename a directory") from None
        where = "key" if _has_certificate(files.certificate) else "certificate"
        problem = f"it is no {where} in PEM"
        raise _Unusable(where, getattr(files, where), problem, "name another file") from None
    except _Password:
        raise _Unusable("key", files.key, "it has a password", "take it off, and let only this user read it") from None


def _has_certificate(path: Path) -> bool:
    """Whether a file has a certificate that can be read, which the error of a whole chain does not say."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return False
    return True


def _check_own(context: ssl.SSLContext, files: TlsFiles, who: Certified) -> None:
    """Find out whom the process's own certificate names, in a handshake with itself: ``ssl`` decodes no other way."""
    checking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    checking.check_hostname = False
    checking.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it is itself what is trusted: its dates are what counts
    checking.load_verify_locations(files.certificate)
    presenting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load_chain(presenting, files)
    try:
        certified = certified_by(_shown(presenting, checking))
    except ssl.SSLCertVerificationError as error:
        raise _Unusable("certificate", files.certificate, error.verify_message, "renew it") from None
    except ValueError as error:
        raise _Unusable("certificate", files.certificate, str(error), f"have it name {who}") from None
    if certified != who:
        problem = f"it is that of {certified}, and this process is {who}"
        raise _Unusable("certificate", files.certificate, problem, "name the file of this process")


def _shown(presenting: ssl.SSLContext, checking: ssl.SSLContext) -> dict[str, object]:
    to_caller, to_callee = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = checking.wrap_bio(to_caller, to_callee)
    callee = presenting.wrap_bio(to_callee, to_caller, server_side=True)
    for _ in range(_STEPS):
        for end in (caller, callee):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            if end is caller:
                return dict(caller.getpeercert() or {})
    raise AssertionError("the handshake in memory did not end")


class _Password(Exception):
    """OpenSSL asked for a password, which nobody is there to type."""


def _no_password() -> str:
    raise _Password


def _stamp(files: TlsFiles) -> _Stamp:
    """Return what changes with the files: time, inode and size, through links, as Kubernetes replaces secrets."""
    return tuple(_stamp_of(path) for path in (files.certificate, files.key, files.authorities))


def _stamp_of(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_ino, found.st_size)
