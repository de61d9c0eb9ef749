"""TCP with mutual TLS: who may speak to whom, and what those hear who may not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import shutil
import socket
import ssl
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from freestone.call import (
    Certified,
    Credentials,
    Dispatcher,
    Policies,
    Pool,
    Proof,
    Server,
    SocketNetwork,
    StaticResolver,
    TcpAddress,
    TlsFiles,
    WireTransport,
    client,
)
from freestone.call.policy import Backoff
from freestone.contract import Contract, query
from freestone.deploy.certificates import Authority
from freestone.errors import ConfigurationError, DeadlineExceeded, Unavailable
from freestone.service import deadline
from freestone.signals import SIGNALS, CertificateLoaded, CertificateRefused, PeerRefused, Signal
from freestone.wire import Hello

HERE = TcpAddress("127.0.0.1", 0)
EDGE, CATALOG = Certified("academy", "edge"), Certified("academy", "catalog")


class Catalog(Contract):
    """Has paths."""

    @query
    async def echo(self, text: bytes) -> bytes:
        """Return it."""


class Echo(Catalog):
    async def echo(self, text: bytes) -> bytes:
        return text


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One that both sides trust."""
    return Authority(tmp_path_factory.mktemp("authority"), datetime.now(UTC))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("other"), datetime.now(UTC))


class Unchecked:
    """Shows what the files have, as a peer would that does not look at them itself."""

    def __init__(self, files: TlsFiles | None, trusted: Path) -> None:
        self.files = files
        self.trusted = trusted

    def calling(self) -> ssl.SSLContext:
        return self._context(ssl.PROTOCOL_TLS_CLIENT)

    def accepting(self) -> ssl.SSLContext:
        return self._context(ssl.PROTOCOL_TLS_SERVER)

    def refusal(self, caller: Certified) -> str:
        return ""

    def _context(self, protocol: int) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.trusted)
        if self.files is not None:
            context.load_cert_chain(self.files.certificate, self.files.key)
        return context


@contextlib.asynccontextmanager
async def serving(proof: Proof | None, process: str = "catalog", **options: Any) -> AsyncGenerator[TcpAddress]:
    hello = Hello(application="academy", process=process, instance="1")
    server = Server(Dispatcher({"catalog": Echo()}), hello, network=SocketNetwork(proof, **options))
    address = await server.listen(HERE)
    assert isinstance(address, TcpAddress)
    try:
        yield address
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def calling(proof: Proof | None, address: TcpAddress, process: str = "edge", **options: Any) -> Any:
    hello = Hello(application="academy", process=process, instance="2")
    network, resolver = SocketNetwork(proof), StaticResolver({"catalog": [address]})
    backoff = Backoff(0.01, 0.05)
    pool = Pool(hello, resolver, random=random.Random(1), network=network, backoff=backoff, **options)
    try:
        yield client(Catalog, WireTransport(pool, "catalog", "catalog", Policies(deadline=5.0)))
    finally:
        await pool.close()


@contextlib.contextmanager
def heard() -> Any:
    signals: list[Signal] = []
    SIGNALS.subscribe(signals.append)
    try:
        yield signals
    finally:
        SIGNALS.unsubscribe(signals.append)


async def until_told(catalog: Catalog) -> None:
    """Call where nobody is reached. Why is told a little before the deadline; a pause just then misses it."""
    for _ in range(10):
        with contextlib.suppress(DeadlineExceeded):
            async with deadline(0.4):
                await catalog.echo(b"")


async def refused(
    callee: Proof | None, caller: Proof | None, *, process: str = "edge", serves: str = "catalog"
) -> tuple[str, str]:
    """Return what the caller is told, and what the callee announces first, when a call is refused."""
    there: asyncio.Queue[PeerRefused] = asyncio.Queue()

    def observe(signal: Signal) -> None:
        if isinstance(signal, PeerRefused):
            there.put_nowait(signal)

    SIGNALS.subscribe(observe)
    try:
        async with serving(callee, serves) as address, calling(caller, address, process) as catalog:
            with pytest.raises(Unavailable) as caught:
                await until_told(catalog)
            first = await asyncio.wait_for(there.get(), 5)
    finally:
        SIGNALS.unsubscribe(observe)
    assert first.peer.startswith("127.0.0.1:")
    return str(caught.value).partition(f"{address}: ")[2], first.reason


@pytest.fixture
def edge(authority: Authority) -> Credentials:
    return Credentials(authority.certify(EDGE), EDGE)


@pytest.fixture
def catalog(authority: Authority) -> Credentials:
    return Credentials(authority.certify(CATALOG), CATALOG)


async def test_processes_that_prove_who_they_are_speak(edge: Credentials, catalog: Credentials) -> None:
    """In TLS 1.3, a megabyte each way too."""
    async with serving(catalog) as address, calling(edge, address) as it:
        assert await it.echo(b"path") == b"path"
        data = os.urandom(1_000_000)
        assert await it.echo(data) == data
    assert edge.calling().minimum_version is ssl.TLSVersion.TLSv1_3
    assert catalog.accepting().minimum_version is ssl.TLSVersion.TLSv1_3


async def test_many_calls_at_once_share_a_connection(edge: Credentials, catalog: Credentials) -> None:
    """Each gets its own answer."""
    async with serving(catalog) as address, calling(edge, address) as it:
        texts = [os.urandom(20_000) for _ in range(100)]
        assert await asyncio.gather(*map(it.echo, texts)) == texts


async def test_nothing_is_readable_on_the_way(edge: Credentials, catalog: Credentials) -> None:
    """What passes through a proxy has neither the argument nor the process's name in it."""
    seen = bytearray()

    async def passes_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        forward, back = await asyncio.open_connection(address.host, address.port)
        await asyncio.gather(_pump(reader, back, seen), _pump(forward, writer, seen))

    async with serving(catalog) as address:
        proxy = await asyncio.start_server(passes_on, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        async with calling(edge, TcpAddress("127.0.0.1", port)) as it:
            assert await it.echo(b"a secret of mine") == b"a secret of mine"
        proxy.close()
        await proxy.wait_closed()
    assert len(seen) > 1000
    assert b"secret" not in seen
    assert b"catalog" not in seen


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            seen += data
            writer.write(data)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def test_a_caller_of_another_chain_is_refused(
    authority: Authority, other: Authority, catalog: Credentials
) -> None:
    """Both sides say why."""
    stranger = Unchecked(other.certify(EDGE), authority.path)
    assert await refused(catalog, stranger) == (
        "the connection was lost: it refused this process's certificate: unknown ca",
        "its certificate can't be trusted: unable to get local issuer certificate",
    )


async def test_a_callee_of_another_chain_is_refused(authority: Authority, other: Authority, edge: Credentials) -> None:
    """Both sides say why."""
    stranger = Unchecked(other.certify(CATALOG), authority.path)
    assert await refused(stranger, edge) == (
        "its certificate can't be trusted: unable to get local issuer certificate",
        "it refused this process's certificate: unknown ca",
    )


async def test_a_caller_that_says_it_is_another_process_is_refused(edge: Credentials, catalog: Credentials) -> None:
    """The chain is right, and that is not enough."""
    problem = "the caller says that it is progress, and its certificate says spiffe://academy/edge"
    assert await refused(catalog, edge, process="progress") == (f"catalog refused this process: {problem}", problem)


async def test_a_callee_that_is_not_the_process_that_was_dialled_is_refused(
    authority: Authority, edge: Credentials
) -> None:
    """An address that came to belong to another process must not get the calls."""
    progress = Certified("academy", "progress")
    proof = Credentials(authority.certify(progress), progress)
    problem = "the process catalog was dialled, and spiffe://academy/progress answered"
    assert await refused(proof, edge, serves="progress") == (problem, f"it refused this process: {problem}")


async def test_a_callee_that_says_it_is_another_process_is_refused(authority: Authority, edge: Credentials) -> None:
    """It may say that it is the one that was dialled; its certificate says that it is not."""
    progress = Certified("academy", "progress")
    proof = Credentials(authority.certify(progress), progress)
    problem = "the callee says that it is spiffe://academy/catalog, and its certificate says spiffe://academy/progress"
    assert await refused(proof, edge) == (problem, f"it refused this process: {problem}")


async def test_any_process_of_the_application_will_do_where_only_the_application_is_known(
    authority: Authority, edge: Credentials
) -> None:
    """As for somebody else's services."""
    progress = Certified("academy", "progress")
    proof = Credentials(authority.certify(progress), progress)
    async with serving(proof, "progress") as address, calling(edge, address, any_process=True) as it:
        assert await it.echo(b"1") == b"1"


async def test_an_expired_caller_is_refused(authority: Authority, catalog: Credentials) -> None:
    """Both sides say why."""
    expired = Unchecked(authority.certify(EDGE, days=-1, name="expired"), authority.path)
    assert await refused(catalog, expired) == (
        "the connection was lost: it refused this process's certificate: certificate expired",
        "its certificate can't be trusted: certificate has expired",
    )


async def test_an_expired_callee_is_refused(authority: Authority, edge: Credentials) -> None:
    """Both sides say why."""
    expired = Unchecked(authority.certify(CATALOG, days=-1, name="expired"), authority.path)
    assert await refused(expired, edge) == (
        "its certificate can't be trusted: certificate has expired",
        "it refused this process's certificate: certificate expired",
    )


async def test_a_caller_without_a_certificate_is_refused(authority: Authority, catalog: Credentials) -> None:
    """TLS alone proves nothing about the caller."""
    here, there = await refused(catalog, Unchecked(None, authority.path))
    assert here.endswith("it refused this process's certificate: certificate required")
    assert there == "it showed no certificate"


async def test_a_caller_in_the_clear_is_refused(catalog: Credentials) -> None:
    """It is answered in the clear, because it understands nothing else."""
    assert await refused(catalog, None) == (
        "the peer ended it: TLS is spoken here; the application's [tls] says with which certificates",
        "it speaks no TLS",
    )


async def test_a_callee_in_the_clear_is_refused(edge: Credentials) -> None:
    """Whoever wants TLS is not talked out of it."""
    assert await refused(None, edge) == ("it speaks no TLS", "it speaks TLS, and no TLS is spoken here")


async def test_an_older_tls_is_refused(authority: Authority, catalog: Credentials) -> None:
    """Only 1.3 is spoken."""

    class Old(Unchecked):
        def calling(self) -> ssl.SSLContext:
            context = super().calling()
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            return context

    here, there = await refused(catalog, Old(authority.certify(EDGE), authority.path))
    assert here == "it refused this process's certificate: protocol version"
    assert there == "its TLS can't be understood: unsupported protocol"


@pytest.mark.parametrize(
    ("uris", "problem"),
    [
        ([], "its certificate names nobody, and not one process as spiffe://APPLICATION/PROCESS"),
        (
            [str(EDGE), "spiffe://academy/catalog"],
            "its certificate names 'spiffe://academy/edge' and 'spiffe://academy/catalog', and not one process as "
            "spiffe://APPLICATION/PROCESS",
        ),
        (
            ["spiffe://academy/*"],
            "its certificate names 'spiffe://academy/*', which is not spiffe://APPLICATION/PROCESS",
        ),
        (
            ["https://academy/edge"],
            "its certificate names 'https://academy/edge', which is not spiffe://APPLICATION/PROCESS",
        ),
    ],
)
async def test_a_certificate_names_one_process(
    authority: Authority, catalog: Credentials, uris: list[str], problem: str
) -> None:
    """Not none, not two, not any."""
    files = authority.certify(EDGE, uris=uris, name="wrong")
    wrong = Unchecked(files, authority.path)
    assert await refused(catalog, wrong) == (f"the peer ended it: {problem}", problem)
    with pytest.raises(ConfigurationError) as caught:
        Credentials(files, EDGE)
    assert f"tls.certificate: {problem}; have it name spiffe://academy/edge" in str(caught.value)


async def test_a_process_of_another_application_is_refused_unless_it_is_a_guest(authority: Authority) -> None:
    """The same authority may certify several applications."""
    shop = Certified("shop", "edge")
    caller = Credentials(authority.certify(shop, name="shop-edge"), shop)
    files = authority.certify(CATALOG)
    problem = "spiffe://shop/edge is of another application, and academy does not admit it"
    assert await refused(Credentials(files, CATALOG), caller) == (f"the peer ended it: {problem}", problem)
    async with serving(Credentials(files, CATALOG, ["shop"])) as address, calling(caller, address) as it:
        assert await it.echo(b"1") == b"1"


async def test_a_caller_that_does_not_go_on_is_let_go(catalog: Credentials) -> None:
    """A handshake has its time."""
    with heard() as signals:
        async with serving(catalog, handshake=0.1) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
    assert [each.reason for each in signals if isinstance(each, PeerRefused)] == [
        "it did not prove who it is within 0.1 s"
    ]


async def test_handshakes_under_way_are_bounded(catalog: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers can't fill the memory."""
    monkeypatch.setattr("freestone.call.network._UNPROVED", 2)
    async with serving(catalog) as address:
        waiting = [await asyncio.open_connection(address.host, address.port) for _ in range(2)]
        reader, writer = await asyncio.open_connection(address.host, address.port)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        for _, each in [*waiting, (reader, writer)]:
            each.close()


async def test_garbage_is_refused(catalog: Credentials) -> None:
    """That begins as TLS does."""
    with heard() as signals:
        async with serving(catalog) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(b"\x16" + b"\xff" * 4000)
            with contextlib.suppress(ConnectionResetError):
                await asyncio.wait_for(reader.read(), 5)
            writer.close()
    [signal] = [each for each in signals if isinstance(each, PeerRefused)]
    assert signal.reason.startswith(("it speaks no TLS", "its TLS can't be understood"))


def moved(files: TlsFiles, directory: Path) -> TlsFiles:
    """Put files in the place of those of before, each in one step."""
    names = {"certificate": "tls.crt", "key": "tls.key", "authorities": "ca.crt"}
    for field, name in names.items():
        beside = directory / f".{name}"
        shutil.copy(getattr(files, field), beside)
        beside.rename(directory / name)
    return TlsFiles(*(directory / name for name in names.values()))


async def serial_shown(address: TcpAddress, proof: Credentials) -> str:
    """Return the number of the certificate that is shown there now."""
    _, writer = await asyncio.open_connection(address.host, address.port, ssl=proof.calling(), server_hostname="")
    serial = writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]
    writer.transport.abort()
    return str(serial)


async def test_a_renewed_certificate_is_used_for_new_connections(
    authority: Authority, edge: Credentials, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a restart; the connection that is open goes on as it is."""
    files = moved(authority.certify(CATALOG), tmp_path)
    catalog = Credentials(files, CATALOG)
    async with serving(catalog) as address, calling(edge, address) as it:
        await it.echo(b"1")
        before = await serial_shown(address, edge)
        assert await serial_shown(address, edge) == before
        moved(authority.certify(CATALOG), tmp_path)
        with heard() as signals, caplog.at_level(logging.INFO, "freestone.call"):
            assert await serial_shown(address, edge) != before
        assert [each.path for each in signals if isinstance(each, CertificateLoaded)] == [str(files.certificate)]
        assert f"the certificate in {files.certificate} has changed, and is in use now" in caplog.messages
        assert await it.echo(b"2") == b"2"


async def test_a_renewed_authority_is_believed(authority: Authority, other: Authority, tmp_path: Path) -> None:
    """While one follows another, both are in the file."""
    files = moved(authority.certify(CATALOG), tmp_path)
    newcomer = Unchecked(other.certify(EDGE), authority.path)
    async with serving(Credentials(files, CATALOG)) as address, calling(newcomer, address) as it:
        with pytest.raises(Unavailable):
            await until_told(it)
        (tmp_path / "both").write_bytes(authority.path.read_bytes() + other.path.read_bytes())
        (tmp_path / "both").rename(files.authorities)
        assert await it.echo(b"2") == b"2"


@pytest.mark.parametrize("broken", ["half", "garbage", "gone", "expired", "somebody else's"])
async def test_a_new_file_that_cannot_be_used_leaves_the_old_certificate_in_use(
    broken: str, authority: Authority, edge: Credentials, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once, in the log and in a signal; when the file is right again, it is used."""
    files = moved(authority.certify(CATALOG), tmp_path)
    catalog = Credentials(files, CATALOG)
    async with serving(catalog) as address:
        before = await serial_shown(address, edge)
        with heard() as signals, caplog.at_level(logging.ERROR, "freestone.call"):
            problem = spoil(broken, files, authority, tmp_path)
            assert await serial_shown(address, edge) == before
            assert await serial_shown(address, edge) == before
        [message] = caplog.messages
        assert message.startswith("the certificate of before stays in use, because the new one can't be: ")
        assert problem in message
        [refusal] = [each for each in signals if isinstance(each, CertificateRefused)]
        assert problem in refusal.reason
        moved(authority.certify(CATALOG), tmp_path)
        assert await serial_shown(address, edge) != before


def spoil(how: str, files: TlsFiles, authority: Authority, directory: Path) -> str:
    """Put something useless in the place of the files. Return what is to be said about it."""
    match how:
        case "half":
            new = authority.certify(CATALOG)
            shutil.copy(new.certificate, directory / ".new")
            (directory / ".new").rename(files.certificate)
            return f"tls.key: it is not the key of the certificate in {files.certificate}"
        case "garbage":
            (directory / ".new").write_text("garbage")
            (directory / ".new").rename(files.certificate)
            return "tls.certificate: it is no certificate in PEM; name another file"
        case "gone":
            files.certificate.unlink()
            return "tls.certificate: it can't be read: no such file or directory"
        case "expired":
            moved(authority.certify(CATALOG, days=-1), directory)
            return "tls.certificate: certificate has expired; renew it"
        case _:
            moved(authority.certify(EDGE, name="edge-again"), directory)
            return "tls.certificate: it is that of spiffe://academy/edge, and this process is spiffe://academy/catalog"


def test_files_that_cannot_be_used_are_refused_at_the_start(authority: Authority, tmp_path: Path) -> None:
    """Each with the key of the configuration, and what to do."""
    files = authority.certify(CATALOG)
    empty = tmp_path / "empty"
    empty.write_text("")
    rubbish = tmp_path / "rubbish"
    rubbish.write_text("-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n")
    missing = tmp_path / "missing"
    for wrong, said in {
        replace(
            files, certificate=missing
        ): f"{missing}: tls.certificate: it can't be read: no such file or directory; "
        "make some for development with `freestone certificates`, or name the files in [tls]",
        replace(files, key=missing): f"{missing}: tls.key: it can't be read",
        replace(files, authorities=missing): f"{missing}: tls.authorities: it can't be read",
        replace(files, certificate=empty): f"{empty}: tls.certificate: it is no certificate in PEM",
        replace(files, certificate=rubbish): f"{rubbish}: tls.certificate: it is no certificate in PEM",
        replace(files, key=empty): f"{empty}: tls.key: it is no key in PEM",
        replace(files, authorities=empty): f"{empty}: tls.authorities: it has no certificate in PEM",
    }.items():
        with pytest.raises(ConfigurationError) as caught:
            Credentials(wrong, CATALOG)
        assert said in str(caught.value)


def test_a_key_with_a_password_is_refused(authority: Authority, tmp_path: Path) -> None:
    """Nobody is there to type it."""
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    files = authority.certify(CATALOG)
    key = load_pem_private_key(files.key.read_bytes(), None)
    locked = tmp_path / "locked"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(ConfigurationError, match=r"tls\.key: it has a password; take it off"):
        Credentials(replace(files, key=locked), CATALOG)


async def test_others_are_not_let_in_without_tls_unless_that_is_meant() -> None:
    """A loopback is reached from this machine alone; anything else has to be told by name."""
    network, factory = SocketNetwork(), asyncio.Protocol
    with pytest.raises(ConfigurationError) as caught:
        await network.listen(TcpAddress("0.0.0.0", 0), factory)
    assert str(caught.value) == (
        "address tcp://0.0.0.0:0: it is reached from other machines, and nothing there is encrypted or proves who it "
        "is; declare [tls], for which `freestone certificates` makes what is needed in development; "
        "or write plaintext = true for the process, if its network is one that you trust"
    )
    with socket.create_server(("0.0.0.0", 0)) as bound, pytest.raises(ConfigurationError, match="plaintext = true"):
        await network.listen(bound, factory)
    for allowed in (network, SocketNetwork(plaintext=True)):
        (await allowed.listen(TcpAddress("127.0.0.1", 0), factory)).close()
    (await SocketNetwork(plaintext=True).listen(TcpAddress("0.0.0.0", 0), factory)).close()


async def test_with_tls_others_are_let_in(catalog: Credentials) -> None:
    """That is what it is for."""
    (await SocketNetwork(catalog).listen(TcpAddress("0.0.0.0", 0), asyncio.Protocol)).close()
