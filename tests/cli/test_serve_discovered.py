"""Processes of ``freestone serve`` that find each other through NATS, and prove themselves with TLS."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from freestone import Contract, connect, errors, query, service
from freestone.call import Certified, Credentials, Dispatcher, Server, SocketNetwork, TcpAddress, TlsFiles
from freestone.cluster import Announcement, NatsConnection, NatsResolver, NatsSettings
from freestone.deploy.certificates import Authority
from freestone.testing.nats import NatsServer, nats_server
from freestone.wire import Hello

if TYPE_CHECKING:
    from .conftest import Running, Start

_FILE = """
name = "desk"

[services]
desk  = "desk.service:DeskService"
clerk = "desk.service:ClerkService"

[topologies.net]
clerk = {{ services = ["clerk"], listen = "tcp://{address}" }}
desk  = {{ services = ["desk"], listen = "tcp://{address}" }}

[nats]
url = "{url}"

[discovery]
by = "nats"

[tls]
certificate = "certificates/{{process}}.pem"
key         = "certificates/{{process}}.key"
authorities = "certificates/trusted.pem"
"""
_NUMBERS = itertools.count(1)
_CHANGED = "has changed, and is in use now"


class Clerk(Contract):
    @query
    async def sums(self, numbers: tuple[int, ...]) -> int:
        """Return the sum of what the desk says."""


class Desk(Contract):
    @query
    async def count(self) -> int:
        """Count."""


@service
class MoleService(Desk):
    async def count(self) -> int:
        return 0


class Office:
    """The application, whose processes have an address and a file each, and what calls its clerk."""

    def __init__(self, directory: Path, nats: NatsServer, start: Start) -> None:
        self.directory = directory
        self.certificates = directory / "certificates"
        self.nats = nats
        self._start = start

    def certify(self, name: str = "first") -> Authority:
        """Have an authority of that name make a certificate for each process."""
        authority = Authority(self.directory / name, datetime.now(UTC))
        for process in ("clerk", "desk", "client", "mole"):
            authority.certify(Certified("desk", process))
        return authority

    def hand_out(self, authority: Authority) -> None:
        """Have the processes show certificates of that authority."""
        for process in ("clerk", "desk", "client", "mole"):
            for kind in ("key", "pem"):
                shutil.copy(authority.directory / f"{process}.{kind}", self.certificates / f"{process}.{kind}")

    def trust(self, *authorities: Authority) -> None:
        """Have the processes trust those authorities, and no other."""
        trusted = self.certificates / "trusted.pem"
        trusted.with_suffix(".new").write_bytes(b"".join(each.path.read_bytes() for each in authorities))
        trusted.with_suffix(".new").rename(trusted)

    def proof(self, process: str = "client", directory: Path | None = None) -> Credentials:
        where = directory or self.certificates
        files = TlsFiles(where / f"{process}.pem", where / f"{process}.key", self.certificates / "trusted.pem")
        return Credentials(files, Certified("desk", process))

    async def serve(self, process: str) -> tuple[Running, str]:
        """Start a process, wait until it serves, and return it with its address."""
        address = _own_address()
        file = self.directory / f"at-{address}.toml"
        file.write_text(_FILE.format(address=address, url=self.nats.url), "utf-8")
        running = self._start(self.directory, process, "--topology", "net", "--file", str(file), command="serve")
        await asyncio.to_thread(running.until_said, f"{process} serves on tcp://")
        return running, f"tcp://{address}"

    async def ask(self, address: str, seconds: float = 30, proof: Credentials | None = None) -> int:
        """Call the clerk, who calls the desk, on a connection of its own."""
        shown = proof or self.proof()
        async with connect(Clerk, address, service="clerk", application="desk", deadline=seconds, proof=shown) as clerk:
            return await clerk.sums((1, 2, 3))

    @asynccontextmanager
    async def asking(self, address: str) -> AsyncIterator[Callable[..., Awaitable[None]]]:
        """Call for as long as the block is, and give what waits for some answers more. Raises what a call does."""
        answers: asyncio.Queue[int] = asyncio.Queue()
        shown = self.proof()

        async def more(count: int = 20) -> None:
            async with asyncio.timeout(30):
                for _ in range(answers.qsize() + count):
                    assert await answers.get() == 6

        async with (
            connect(Clerk, address, service="clerk", application="desk", deadline=30, proof=shown) as clerk,
            asyncio.TaskGroup() as group,
        ):

            async def ask() -> None:
                while True:
                    answers.put_nowait(await clerk.sums((1, 2, 3)))
                    await asyncio.sleep(0.01)

            asking = group.create_task(ask())
            yield more
            asking.cancel()


@pytest.fixture
async def office(desk: Path, tmp_path: Path, start: Start) -> AsyncIterator[Office]:
    async with nats_server(tmp_path / "nats") as nats:
        made = Office(desk, nats, start)
        made.certificates.mkdir()
        authority = made.certify()
        made.hand_out(authority)
        made.trust(authority)
        yield made


async def test_processes_come_and_go_without_a_call_that_fails(office: Office) -> None:
    """One starts later than it is called, one joins, and one is stopped, in whose place the other goes on."""
    clerk, address = await office.serve("clerk")
    early = asyncio.create_task(office.ask(address))
    await asyncio.sleep(0.5)
    assert not early.done()
    first, _ = await office.serve("desk")
    assert await early == 6
    async with office.asking(address) as more:
        await office.serve("desk")
        first.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(first.ended) == 0
        await more()
    clerk.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(clerk.ended) == 0


@pytest.mark.parametrize("says", ["desk", "mole"])
async def test_an_impostor_that_announces_itself_gets_no_call(
    office: Office, caplog: pytest.LogCaptureFixture, says: str
) -> None:
    """Its certificate is the application's, and that of another process; whatever it says of itself."""
    hello = Hello(application="desk", process=says, instance="mole")
    mole = Server(Dispatcher({"desk": MoleService()}), hello, network=SocketNetwork(office.proof("mole")))
    listener = await mole.listen(TcpAddress("127.0.0.1", 0))
    connection = NatsConnection(NatsSettings((office.nats.url,)))
    await connection.start()
    resolver = NatsResolver(connection, "desk")
    await resolver.start()
    await resolver.announce(lambda: Announcement("desk", "mole", (str(listener),)))
    try:
        _, address = await office.serve("clerk")
        blame = {
            "desk": "the callee says that it is spiffe://desk/desk, and its certificate says spiffe://desk/mole",
            "mole": "the process desk was dialled, and spiffe://desk/mole answered",
        }[says]
        with pytest.raises(errors.Unavailable, match=blame):
            await office.ask(address, 1)
        assert f"it refused this process: {blame}" in caplog.text
        await office.serve("desk")
        async with office.asking(address) as more:
            await more(100)
    finally:
        await resolver.close()
        await connection.close()
        await mole.close()


async def test_authority_and_certificates_are_renewed_while_calls_go_on(office: Office) -> None:
    """The new authority is trusted beside the old one, then the certificates are its, then it alone is trusted."""
    clerk, address = await office.serve("clerk")
    desk, _ = await office.serve("desk")
    old, new = Authority(office.directory / "first", datetime.now(UTC)), office.certify("second")
    stages: tuple[Callable[[], None], ...] = (
        lambda: office.trust(old, new),
        lambda: office.hand_out(new),
        lambda: office.trust(new),
    )
    async with office.asking(address) as more:
        for count, change in enumerate(stages, 1):
            change()
            assert await office.ask(address) == 6
            await asyncio.to_thread(clerk.until_said, _CHANGED, times=count)
            following, _ = await office.serve("desk")
            desk.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(desk.ended) == 0
            desk = following
            await more()
    assert not [line for line in clerk.lines if "stays in use" in line]
    with pytest.raises(errors.Unavailable, match="it refused this process's certificate: unknown ca"):
        await office.ask(address, 1, _of_before(office, old))


async def test_a_certificate_that_is_none_is_told_and_not_used(office: Office) -> None:
    """Once, until it changes again."""
    clerk, address = await office.serve("clerk")
    await office.serve("desk")
    authority = Authority(office.directory / "first", datetime.now(UTC))
    _put(office.certificates / "clerk.pem", "rubbish")
    for _ in range(3):
        assert await office.ask(address) == 6
    told = await asyncio.to_thread(clerk.until_said, "the certificate of before stays in use")
    assert "clerk.pem: tls.certificate: it is no certificate in PEM" in told
    _put(office.certificates / "clerk.pem", (authority.directory / "clerk.pem").read_text("utf-8"))
    assert await office.ask(address) == 6
    await asyncio.to_thread(clerk.until_said, _CHANGED)
    assert len([line for line in clerk.lines if "stays in use" in line]) == 1


async def test_one_that_is_killed_is_left_at_once_and_forgotten_after_a_while(office: Office) -> None:
    """Queries go to the other; when nobody is left, that is said."""
    _, address = await office.serve("clerk")
    desks = [(await office.serve("desk"))[0] for _ in range(2)]
    async with office.asking(address) as more:
        await more()
        os.kill(desks[0].process.pid, signal.SIGKILL)
        await more()
    os.kill(desks[1].process.pid, signal.SIGKILL)
    async with asyncio.timeout(30):
        while True:
            with pytest.raises(errors.ServiceError) as caught:
                await office.ask(address, 0.5)
            if "nobody knows where desk runs: desk is not there now" in str(caught.value):
                break
            await asyncio.sleep(0.1)


def _of_before(office: Office, authority: Authority) -> Credentials:
    """Return what the client showed when that authority was the application's."""
    return office.proof(directory=authority.directory)


def _put(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text, "utf-8")
    path.with_suffix(".new").rename(path)


def _own_address() -> str:
    """Return an address of this machine that nobody else listens at, nor calls from, as may be with a free port."""
    pid = os.getpid()
    return f"127.{100 + (pid >> 8) % 100}.{pid % 256}.{next(_NUMBERS)}:7000"
