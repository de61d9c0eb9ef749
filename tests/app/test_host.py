"""A host runs one process of a plan: alone, or with others that it calls over sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from freestone.app import (
    CLIENT,
    CONTROL,
    App,
    Control,
    DataUrls,
    ExternalSpec,
    Host,
    Process,
    ServiceSpec,
    StartError,
    Tls,
    Topology,
    connect,
    cut_everywhere,
    monolith,
    place,
    replica_address,
)
from freestone.app.app import GatewaySpec
from freestone.call import Certified, TcpAddress, UnixAddress
from freestone.contract import Contract, query
from freestone.data import Database
from freestone.deploy.certificates import Authority
from freestone.errors import ConfigurationError, Internal, Unavailable
from freestone.service import Secret, dependencies, service
from freestone.wire import Hello, Limits, decode


class Words(Contract):
    """Has words."""

    @query
    async def word(self, number: int) -> str:
        """Return a word."""


class Sentences(Contract):
    """Makes sentences."""

    @query
    async def sentence(self, length: int) -> str:
        """Return a sentence."""


@service
class WordsService(Words):
    async def word(self, number: int) -> str:
        return f"word{number}"


@service
class SentencesService(Sentences):
    words: Words

    async def sentence(self, length: int) -> str:
        return " ".join([await self.words.word(number) for number in range(length)])


class Door:
    """A gateway that remembers what was done to it."""

    needs = (Sentences,)

    def __init__(self) -> None:
        self.address = ""
        self.said: list[str] = []

    async def open(self, clients: Mapping[type[Any], Any], sock: socket.socket, deadline: float) -> Door:
        self.address = f"http://127.0.0.1:{sock.getsockname()[1]}"
        self.said.append(await clients[Sentences].sentence(1))
        self.said.append(f"{deadline:g} s a request")
        sock.close()
        return self

    async def close(self, seconds: float) -> None:
        self.said.append(f"closed within {seconds:g} s")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory with a name that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fs-") as name:
        yield Path(name)


def application(door: Door | None = None) -> App:
    words = ServiceSpec("words", WordsService, Words, dependencies(WordsService))
    sentences = ServiceSpec(
        "sentences", SentencesService, Sentences, dependencies(SentencesService), {"words": "words"}
    )
    gateway = GatewaySpec(door, TcpAddress("127.0.0.1", 0), ("sentences",)) if door is not None else None
    return App("texts", Path("freestone.toml"), {"words": words, "sentences": sentences}, gateway=gateway)


@contextlib.asynccontextmanager
async def cut(folder: Path, app: App | None = None) -> AsyncGenerator[dict[str, Host]]:
    plan = cut_everywhere(app or application())
    peers = {process.name: process.addresses(folder) for process in plan.processes}
    hosts = {process.name: Host(plan, process.name, peers=peers) for process in plan.processes}
    try:
        for name, host in hosts.items():
            await host.start([replica_address(folder, name, 0)])
        yield hosts
    finally:
        for host in reversed(hosts.values()):
            await host.stop(1)


async def test_services_of_one_process_call_each_other() -> None:
    """Without a socket."""
    host = Host(monolith(application()), "app")
    await host.start()
    try:
        assert await host.client(Sentences).sentence(2) == "word0 word1"
    finally:
        await host.stop(1)


async def test_services_of_two_processes_call_each_other(folder: Path) -> None:
    """The same services, over sockets."""
    async with cut(folder) as hosts:
        assert await hosts["sentences"].client(Sentences).sentence(2) == "word0 word1"


async def test_both_ends_of_a_connection_keep_the_limits_of_the_application(folder: Path) -> None:
    """A caller is sent no more than it takes, and whoever calls is told what this process takes."""

    @service
    class LongWords(Words):
        async def word(self, number: int) -> str:
            return "w" * number

    app = application()
    words = replace(app.services["words"], cls=LongWords)
    limits = Limits(frame=2**16, message=2**16, calls=7, compress=1000)
    async with cut(folder, replace(app, services={**app.services, "words": words}, limits=limits)) as hosts:
        reader, writer = await asyncio.open_unix_connection(folder / "words-0.sock")
        head = await asyncio.wait_for(reader.readexactly(9), 10)
        hello = decode(head[4], 0, await reader.readexactly(int.from_bytes(head[:4], "big") - 5))
        writer.close()
        assert isinstance(hello, Hello)
        assert (hello.max_message, hello.max_calls, hello.compression) == (2**16, 7, ("zstd",))
        with pytest.raises(Internal, match="the result has 65541 bytes; the limit is 65536"):
            await hosts["sentences"].client(Words).word(2**16)


async def test_a_program_outside_calls_a_service(folder: Path) -> None:
    """With its contract, its name and its address alone."""
    async with (
        cut(folder),
        connect(
            Sentences, str(replica_address(folder, "sentences", 0)), service="sentences", application="texts"
        ) as sentences,
    ):
        assert await sentences.sentence(1) == "word0"


async def test_a_program_that_names_another_application_is_refused(folder: Path) -> None:
    """And told so."""
    async with (
        cut(folder),
        connect(
            Words, str(replica_address(folder, "words", 0)), service="words", application="music", deadline=0.5
        ) as words,
    ):
        with pytest.raises(Unavailable, match="one end is the application 'music', the other is 'texts'"):
            await words.word(1)


async def test_a_service_of_another_application_is_called_by_its_contract(folder: Path) -> None:
    """It is named with its address and its application; all that is shared is the contract."""
    address = replica_address(folder, "words", 0)
    words = ServiceSpec("words", WordsService, Words, dependencies(WordsService))
    theirs = Host(monolith(App("library", Path("freestone.toml"), {"words": words})), "app")
    sentences = ServiceSpec(
        "sentences", SentencesService, Sentences, dependencies(SentencesService), {"words": "words"}
    )
    external = ExternalSpec("words", Words, (address,), "library")
    ours = Host(monolith(App("texts", Path("freestone.toml"), {"sentences": sentences}, {"words": external})), "app")
    await theirs.start([address])
    await ours.start()
    try:
        assert await ours.client(Sentences).sentence(2) == "word0 word1"
    finally:
        await ours.stop(1)
        await theirs.stop(1)


async def test_every_host_answers_for_itself(folder: Path) -> None:
    """Through an ordinary contract."""
    async with (
        cut(folder),
        connect(Control, str(replica_address(folder, "words", 0)), service=CONTROL, application="texts") as control,
    ):
        status = await control.status()
    assert (status.process, status.replica, status.services) == ("words", 0, ("words",))
    assert status.memory > 1_000_000


async def test_the_gateway_opens_last_and_closes_first() -> None:
    """It is given clients of what it needs."""
    door = Door()
    sock = socket.create_server(("127.0.0.1", 0))
    host = Host(monolith(application(door)), "app")
    await host.start(gateway=sock)
    assert host.address == door.address
    await host.stop(3)
    assert door.said == ["word0", "10 s a request", "closed within 3 s"]
    assert host.address is None


async def test_stopping_lets_a_call_in_flight_finish(folder: Path) -> None:
    """And turns new ones away."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    @service
    class Slow(Words):
        async def word(self, number: int) -> str:
            entered.set()
            await go_on.wait()
            return "done"

    spec = ServiceSpec("words", Slow, Words, dependencies(Slow))
    host = Host(monolith(App("texts", Path("freestone.toml"), {"words": spec})), "app")
    address = UnixAddress(str(folder / "it.sock"))
    await host.start([address])
    async with connect(Words, str(address), service="words", application="texts", deadline=5) as words:
        call = asyncio.ensure_future(words.word(1))
        await entered.wait()
        stopping = asyncio.ensure_future(host.stop(5))
        while not stopping.done() and not call.done():
            go_on.set()
            await asyncio.sleep(0)
        assert await call == "done"
        await stopping


async def test_an_address_that_is_taken_is_an_error_and_nothing_stays(folder: Path) -> None:
    """What was started is stopped."""
    address = replica_address(folder, "app", 0)
    first, second = Host(monolith(application()), "app"), Host(monolith(application()), "app")
    missing = UnixAddress(str(folder / "no" / "such.sock"))
    await first.start([address])
    with pytest.raises(OSError, match="No such file or directory"):
        await second.start([missing])
    await first.stop(1)
    assert list(folder.iterdir()) == []


async def test_a_service_that_does_not_start_is_named() -> None:
    """With the reason."""

    @service
    class Broken(Words):
        async def start(self) -> None:
            raise RuntimeError("no dictionary")

        async def word(self, number: int) -> str:
            return ""

    spec = ServiceSpec("words", Broken, Words, dependencies(Broken))
    host = Host(monolith(App("texts", Path("freestone.toml"), {"words": spec})), "app")
    with pytest.raises(StartError, match="the service words did not start: RuntimeError: no dictionary"):
        await host.start()


async def test_a_server_of_databases_that_is_not_there_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """For a while: it may be one that is started again."""
    monkeypatch.setattr("freestone.app.host._PATIENCE", 0.2)

    @service
    class Kept(Words):
        db: Database

        async def word(self, number: int) -> str:
            return ""

    spec = ServiceSpec("words", Kept, Words, dependencies(Kept))
    nowhere = DataUrls(Secret("postgresql://ada@127.0.0.1:1/shop"))
    host = Host(monolith(App("texts", Path("freestone.toml"), {"words": spec}, urls=nowhere)), "app")
    with pytest.raises(StartError, match=r"the service words did not start: the database words .* can't be reached"):
        await host.start()
    assert "it is waited for, 0.2 s at most" in caplog.text


def test_an_unknown_process_is_refused_by_name() -> None:
    """And those that there are are named."""
    with pytest.raises(ConfigurationError, match='monolith has no process "words"'):
        Host(monolith(application()), "words")


async def test_processes_on_tcp_prove_who_they_are(folder: Path) -> None:
    """Where the application has certificates, a process on TCP shows its own, and asks for the other's."""
    authority = Authority(folder, datetime.now(UTC))
    for process in ("words", "sentences", "client"):
        authority.certify(Certified("texts", process))
    paths = [str(folder / name) for name in ("{process}.pem", "{process}.key", "authority.pem")]
    app = replace(application(), tls=Tls(*paths))
    listen = TcpAddress("127.0.0.1", free_port())
    processes = (Process("words", ("words",), listen=listen), Process("sentences", ("sentences",)))
    plan = place(app, Topology("split", processes))
    words, sentences = Host(plan, "words"), Host(plan, "sentences", peers={"words": [listen]})
    await words.start([listen])
    await sentences.start()
    try:
        assert await sentences.client(Sentences).sentence(2) == "word0 word1"
        proof = Tls(*paths).credentials("texts", CLIENT)
        async with connect(Words, str(listen), service="words", application="texts", proof=proof) as outside:
            assert await outside.word(1) == "word1"
        async with connect(Words, str(listen), service="words", application="texts", deadline=0.4) as outside:
            with pytest.raises(Unavailable, match="TLS is spoken here"):
                await outside.word(1)
    finally:
        await sentences.stop(1)
        await words.stop(1)


def test_a_certificate_that_cannot_be_used_keeps_a_process_from_its_start(folder: Path) -> None:
    """With the file and what to do; a process that speaks over Unix sockets alone needs none."""
    app = replace(application(), tls=Tls(str(folder / "no.pem"), str(folder / "no.key"), str(folder / "no.ca")))
    Host(monolith(app), "app")
    listen = TcpAddress("127.0.0.1", 1)
    plan = place(app, Topology("split", (Process("all", ("words", "sentences"), listen=listen),)))
    with pytest.raises(ConfigurationError, match=r"no\.pem: tls\.certificate: it can't be read"):
        Host(plan, "all")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
