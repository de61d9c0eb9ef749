"""Certificates for development: an authority, and a certificate for each process. It needs the extra ``certificates``.

In production an authority that renews them by itself does this: cert-manager, SPIRE, Vault, or one's own.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from freestone.call import Certified, TlsFiles
from freestone.errors import ConfigurationError, Mistake

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256

AUTHORITY: Final = "authority"
"""The name of the authority's files."""
_YEARS: Final = 10


@final
class Authority:
    """Certifies the processes of applications. What it has made before in its directory is used again.

    ``directory`` gets ``authority.pem`` and ``authority.key``; it is made if there is none. Raises ConfigurationError
    if cryptography is not installed, or what is in the directory is no authority.
    """

    def __init__(self, directory: Path, now: datetime) -> None:
        try:
            importlib.import_module("cryptography.x509")
        except ImportError:
            problem = "certificates are made by cryptography, which is not installed"
            raise ConfigurationError(
                [Mistake("freestone certificates", problem, 'install "freestone[certificates]"')]
            ) from None
        self.directory = directory
        self._now = now
        directory.mkdir(parents=True, exist_ok=True)
        self.made = not (directory / f"{AUTHORITY}.key").exists()
        """Whether it is a new one."""
        self._certificate, self._key = self._make() if self.made else self._read()

    @property
    def path(self) -> Path:
        """The file of its certificate: what processes trust."""
        return self.directory / f"{AUTHORITY}.pem"

    def certify(
        self, who: Certified, days: float = 365, *, name: str | None = None, uris: Collection[str] | None = None
    ) -> TlsFiles:
        """Write the certificate and the key of a process, and return their files.

        They are named after the process, or ``name``. ``days`` may be less than nothing, and ``uris`` other than what
        names the process: so tests make certificates that have to be refused. Raises ConfigurationError if the
        files would be those of the authority.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID

        if (name or who.process) == AUTHORITY:
            problem = f"{self.path} is the authority's own"
            raise ConfigurationError([Mistake(f"process {AUTHORITY}", problem, "give the process another name")])
        key = ec.generate_private_key(ec.SECP256R1())
        named = [x509.UniformResourceIdentifier(uri) for uri in ([str(who)] if uris is None else uris)]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        ends = self._now + timedelta(days=days)
        builder = (
            self._builder(f"{who.process} of {who.application}", ends)
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(_identifier_of_key(self._key), critical=False)
        )
        if named:
            builder = builder.add_extension(x509.SubjectAlternativeName(named), critical=False)
        certificate = builder.sign(self._key, _sha256())
        files = TlsFiles(
            self.directory / f"{name or who.process}.pem", self.directory / f"{name or who.process}.key", self.path
        )
        _write(files.certificate, files.key, certificate, key)
        return files

    def _make(self) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder("Freestone development", self._now + timedelta(days=365 * _YEARS))
        certificate = (
            builder.issuer_name(builder._subject_name)  # type: ignore[arg-type]
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(_signs_certificates(), critical=True)
            .sign(key, _sha256())
        )
        _write(self.path, self.directory / f"{AUTHORITY}.key", certificate, key)
        return certificate, key

    def _read(self) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            certificate = x509.load_pem_x509_certificate(self.path.read_bytes())
            key = load_pem_private_key((self.directory / f"{AUTHORITY}.key").read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            problem = f"the authority in it can't be read: {error}"
            raise ConfigurationError([Mistake(str(self.directory), problem, "name another directory")]) from None
        if not isinstance(key, EllipticCurvePrivateKey):
            problem = "its authority was not made by this command"
            raise ConfigurationError([Mistake(str(self.directory), problem, "name another directory")])
        return certificate, key

    def _builder(self, subject: str, ends: datetime) -> x509.CertificateBuilder:
        from cryptography import x509
        from cryptography.x509.oid import NameOID

        # Clocks of machines differ by a little, and what is refused as not valid yet is hard to understand.
        begins = min(self._now, ends) - timedelta(hours=1)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
        )


def certify_all(authority: Authority, application: str, processes: Collection[str], days: float) -> Iterator[TlsFiles]:
    """Make a certificate for each process of an application; yield its files."""
    for process in processes:
        yield authority.certify(Certified(application, process), days)


def _write(path: Path, key_path: Path, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    _replace(key_path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    _replace(path, certificate.public_bytes(Encoding.PEM), 0o644)


def _replace(path: Path, data: bytes, mode: int) -> None:
    """Put a file there in one step, never to be read by others than may."""
    beside = path.with_name(f".{path.name}")
    beside.unlink(missing_ok=True)
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
    beside.rename(path)


def _identifier_of_key(key: EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    from cryptography import x509

    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _signs_certificates() -> x509.KeyUsage:
    from cryptography import x509

    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in ("key_cert_sign", "crl_sign") for name in names})


def _sha256() -> SHA256:
    from cryptography.hazmat.primitives.hashes import SHA256

    return SHA256()
