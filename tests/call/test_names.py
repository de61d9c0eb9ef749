"""Names are looked up by a real resolver from a real server, and again while the process runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

import pytest

from freestone.call import Address, Resolver, StaticResolver, TcpAddress, parse_endpoint, resolver_of
from freestone.call.freshness import Bounds
from freestone.call.lookup import DnsLookup, LookupFailed, Nameserver
from freestone.call.names import NameResolver
from freestone.errors import ConfigurationError
from freestone.signals import SIGNALS, AddressesChanged, LookupFailing, Signal
from freestone.testing.conformance.resolver import CHECKS, CHECKS_OF_CHANGES, HERE, PROCESS, Bench
from freestone.testing.nameserver import SILENT, TestNameserver

QUICK = Bounds(least=0.01, most=0.05, missing=0.03)
SHOP = parse_endpoint("dns://shop.test:7001")
SERVICE = parse_endpoint("dns+srv://_shop._tcp.test")


def resolver(server: TestNameserver, *endpoints: str, bounds: Bounds = QUICK) -> NameResolver:
    at = [parse_endpoint(text) for text in endpoints or ("dns://shop.test:7001",)]
    return NameResolver({PROCESS: at}, lookup(server), bounds)


def lookup(server: TestNameserver) -> DnsLookup:
    return DnsLookup([Nameserver("127.0.0.1", server.port)])


def texts(addresses: Sequence[Address]) -> list[str]:
    return [str(address) for address in addresses]


async def until(resolver: Resolver, *addresses: str) -> None:
    """Wait until the resolver has these addresses."""
    changed = asyncio.Event()
    resolver.watch(changed.set)
    async with asyncio.timeout(10):
        while texts(resolver.resolve(PROCESS)) != list(addresses):
            changed.clear()
            await changed.wait()


@contextlib.asynccontextmanager
async def heard() -> AsyncGenerator[asyncio.Queue[Signal]]:
    signals: asyncio.Queue[Signal] = asyncio.Queue()
    SIGNALS.subscribe(signals.put_nowait)
    try:
        yield signals
    finally:
        SIGNALS.unsubscribe(signals.put_nowait)


@pytest.mark.parametrize("kind", ["hosts", "services"])
@pytest.mark.parametrize("check", [*CHECKS, *CHECKS_OF_CHANGES], ids=lambda check: check.__name__)
async def test_a_name_keeps_the_rules_of_resolvers(check: Callable[[Bench], Awaitable[None]], kind: str) -> None:
    """The suite of the seam, for A records and for SRV records."""
    async with TestNameserver() as server:

        async def move(addresses: Sequence[Address]) -> None:
            hosts = [address.host for address in addresses if isinstance(address, TcpAddress)]
            if kind == "hosts":
                server.put("shop.test", "A", *hosts)
                return
            for host in hosts:
                server.put(f"h{host}.test", "A", host)
            server.put("_shop._tcp.test", "SRV", *(f"0 0 7001 h{host}.test." for host in hosts))

        await move([HERE])
        name = "dns://shop.test:7001" if kind == "hosts" else "dns+srv://_shop._tcp.test"
        await check(Bench(resolver(server, name), move))


async def test_both_families_are_looked_up() -> None:
    """A and AAAA, in an order that does not change with the answers'."""
    async with TestNameserver() as server:
        server.put("shop.test", "A", "127.0.0.2", "127.0.0.1")
        server.put("shop.test", "AAAA", "::1")
        found = await lookup(server).look_up(SHOP)  # type: ignore[arg-type]
        assert set(texts(found.addresses)) == {"tcp://127.0.0.1:7001", "tcp://127.0.0.2:7001", "tcp://[::1]:7001"}  # type: ignore[union-attr]
        it = resolver(server)
        await it.start()
        assert texts(it.resolve(PROCESS)) == ["tcp://127.0.0.1:7001", "tcp://127.0.0.2:7001", "tcp://[::1]:7001"]
        await it.close()


async def test_a_service_has_the_hosts_of_its_first_priority_that_resolve() -> None:
    """With their ports; a later priority is for when none of the first has an address."""
    async with TestNameserver() as server:
        server.put("_shop._tcp.test", "SRV", "10 5 7001 a.test.", "10 1 7002 b.test.", "20 0 7003 c.test.")
        server.put("a.test", "A", "127.0.0.1")
        server.put("b.test", "A", "127.0.0.1")
        server.put("c.test", "A", "127.0.0.3")
        it = resolver(server, "dns+srv://_shop._tcp.test")
        await it.start()
        assert texts(it.resolve(PROCESS)) == ["tcp://127.0.0.1:7001", "tcp://127.0.0.1:7002"]
        server.remove("a.test")
        server.remove("b.test")
        await until(it, "tcp://127.0.0.3:7003")
        await it.close()


async def test_a_service_that_is_offered_nowhere_is_missing() -> None:
    """The target "." says so (RFC 2782)."""
    async with TestNameserver() as server:
        server.put("_shop._tcp.test", "SRV", "0 0 0 .")
        it = resolver(server, "dns+srv://_shop._tcp.test")
        await it.start()
        assert it.resolve(PROCESS) == ()
        assert it.trouble(PROCESS) == ("dns+srv://_shop._tcp.test: the DNS has no host that offers _shop._tcp.test")
        await it.close()


@pytest.mark.parametrize("failing", ["SERVFAIL", "REFUSED", "NXDOMAIN"])
async def test_a_lookup_that_fails_keeps_the_last_addresses(failing: str, caplog: pytest.LogCaptureFixture) -> None:
    """A broken name server must not stop an application that is well; the signal and the log say it."""
    async with TestNameserver() as server, heard() as signals:
        server.put("shop.test", "A", "127.0.0.1")
        it = resolver(server, bounds=Bounds(least=0.01, most=0.02, missing=60))
        await it.start()
        with caplog.at_level(logging.WARNING, "freestone.call"):
            server.failing = failing
            async with asyncio.timeout(10):
                while not isinstance(signal := await signals.get(), LookupFailing):
                    pass
        assert texts(it.resolve(PROCESS)) == ["tcp://127.0.0.1:7001"]
        assert signal.name == "dns://shop.test:7001"
        assert signal.reason.startswith(("the DNS gave no answer for shop.test", "the DNS has no address of shop.test"))
        [record] = caplog.records
        assert record.message.endswith("it is still called at tcp://127.0.0.1:7001")
        server.failing = None
        server.put("shop.test", "A", "127.0.0.2")
        await until(it, "tcp://127.0.0.2:7001")
        await it.close()


async def test_a_name_that_is_gone_for_good_loses_its_addresses() -> None:
    """After a while in which every answer said so."""
    async with TestNameserver() as server, heard() as signals:
        server.put("shop.test", "A", "127.0.0.1")
        it = resolver(server)
        await it.start()
        server.remove("shop.test")
        await until(it)
        assert it.trouble(PROCESS) == "dns://shop.test:7001: the DNS has no address of shop.test"
        await it.close()
        changes = [signal for signal in iter_of(signals) if isinstance(signal, AddressesChanged)]
        assert [change.addresses for change in changes] == [("tcp://127.0.0.1:7001",), ()]


def iter_of(signals: asyncio.Queue[Signal]) -> list[Signal]:
    return [signals.get_nowait() for _ in range(signals.qsize())]


async def test_a_start_does_not_wait_for_a_silent_server_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process starts; its calls wait within their deadlines."""
    monkeypatch.setattr("freestone.call.names._FIRST", 0.05)
    async with TestNameserver() as server:
        server.failing = SILENT
        it = resolver(server)
        async with asyncio.timeout(5):
            await it.start()
        assert it.trouble(PROCESS) == "dns://shop.test:7001: it was not looked up yet"
        await it.close()


async def test_no_answer_in_time_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not a name that does not exist."""
    monkeypatch.setattr("freestone.call.lookup._SECONDS", 0.05)
    async with TestNameserver() as server:
        server.failing = SILENT
        with pytest.raises(LookupFailed, match=r"the DNS gave no answer for shop\.test"):
            await lookup(server).look_up(SHOP)  # type: ignore[arg-type]


async def test_addresses_that_do_not_answer_are_looked_up_again_before_their_time() -> None:
    """Whoever needs a connection asks; the record would have held for half a minute."""
    async with TestNameserver(ttl=30) as server:
        server.put("shop.test", "A", "127.0.0.1")
        it = resolver(server, bounds=Bounds(least=0.05, most=30))
        await it.start()
        server.put("shop.test", "A", "127.0.0.2")
        for _ in range(1000):
            it.resolve(PROCESS)
        await until(it, "tcp://127.0.0.2:7001")
        # Thousands may ask: there was one lookup of two records, at the start and when it was allowed again.
        assert server.asked["shop.test."] == 4
        await it.close()


async def test_addresses_and_names_stand_side_by_side() -> None:
    """In one list."""
    async with TestNameserver() as server:
        server.put("shop.test", "A", "127.0.0.9")
        it = resolver(server, "tcp://10.0.0.1:1", "dns://shop.test:7001")
        await it.start()
        assert texts(it.resolve(PROCESS)) == ["tcp://10.0.0.1:1", "tcp://127.0.0.9:7001"]
        await it.close()


def test_without_a_name_nothing_is_looked_up() -> None:
    """And dnspython is not needed."""
    assert isinstance(resolver_of({PROCESS: [HERE]}), StaticResolver)
    assert isinstance(resolver_of({PROCESS: [SHOP]}, [Nameserver("127.0.0.1")]), NameResolver)


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do."""
    monkeypatch.setitem(__import__("sys").modules, "dns.asyncresolver", None)
    with pytest.raises(ConfigurationError, match=r'dnspython, which is not installed; install "freestone\[dns\]"'):
        resolver_of({PROCESS: [SHOP]})
