"""A gateway on a real socket: keep-alive, disconnects, and a graceful stop."""

# A contract's methods have a docstring for a body.
# mypy: disable-error-code="empty-body"
from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from freestone.contract import Contract, query
from freestone.gateway import Gateway, LifespanFailed, get, mount
from freestone.gateway.serve import HttpServer, address_of


class Gate(Contract):
    """Opens when it is told to."""

    @query
    async def wait(self) -> str:
        """Return when the gate is open."""

    @query
    async def ping(self) -> str:
        """Return at once."""

    @query
    def watch(self) -> AsyncIterator[str]:
        """Send one item, then wait for the gate; break if it never opens."""


class GateService(Gate):
    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.opened = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def wait(self) -> str:
        self.entered.set()
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "open"

    async def ping(self) -> str:
        return "pong"

    async def watch(self) -> AsyncIterator[str]:
        yield "first"
        await self.wait()
        raise ZeroDivisionError


gateway = Gateway(get("/wait", Gate.wait), get("/ping", Gate.ping), get("/watch", Gate.watch))


def listening() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    return sock


@contextlib.asynccontextmanager
async def serving(service: Gate, *, of: Gateway = gateway) -> AsyncIterator[HttpServer]:
    server = await of.open({Gate: service}, listening(), 10.0)
    try:
        yield server
    finally:
        await server.close(0)


async def refused(address: str) -> bool:
    host, _, port = address.removeprefix("http://").partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_it_serves_at_its_address() -> None:
    """The address is a URL that a client can use, and answers have a date, but no server's name."""
    async with serving(GateService()) as server, httpx.AsyncClient() as http:
        response = await http.get(f"{server.address}/ping")
    assert response.json() == "pong"
    assert "date" in response.headers
    assert "server" not in response.headers


async def test_signal_handlers_and_logging_are_left_alone() -> None:
    """They are the host's."""
    handlers = [signal.getsignal(it) for it in (signal.SIGINT, signal.SIGTERM)]
    loggers = [logging.getLogger(name) for name in ("", "uvicorn.error", "uvicorn.access")]
    before = [(it.level, list(it.handlers), it.propagate) for it in loggers]
    async with serving(GateService()):
        assert [signal.getsignal(it) for it in (signal.SIGINT, signal.SIGTERM)] == handlers
        assert [(it.level, list(it.handlers), it.propagate) for it in loggers] == before


async def test_a_request_in_flight_finishes() -> None:
    """While the server stops it accepts nothing more, and the answer still arrives."""
    service = GateService()
    async with asyncio.timeout(10), serving(service) as server, httpx.AsyncClient() as http:
        waiting = asyncio.create_task(http.get(f"{server.address}/wait"))
        await service.entered.wait()
        closing = asyncio.create_task(server.close(5))
        while not await refused(server.address):
            pass
        assert not waiting.done()
        service.opened.set()
        response = await waiting
        assert (response.status_code, response.json()) == (200, "open")
        await closing


async def test_a_request_that_does_not_finish_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    """After the time that it was given; its call is cancelled, and the log says how many there were."""
    service = GateService()
    async with asyncio.timeout(10), serving(service) as server, httpx.AsyncClient() as http:
        waiting = asyncio.create_task(http.get(f"{server.address}/wait"))
        await service.entered.wait()
        await server.close(0.01)
        with pytest.raises(httpx.TransportError):
            await waiting
        assert service.cancelled.is_set()
    assert "requests that did not finish in time and are cut off: 1" in caplog.text


async def test_idle_connections_are_closed() -> None:
    """A connection kept alive does not hold up the stop."""
    async with asyncio.timeout(10), serving(GateService()) as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /ping HTTP/1.1\r\nHost: edge\r\n\r\n")
        assert (await reader.readuntil(b'"pong"')).startswith(b"HTTP/1.1 200 OK\r\n")
        await server.close(5)
        assert await reader.read() == b""
        writer.close()


async def test_a_client_that_hangs_up_cancels_the_call() -> None:
    """The service's work ends when nobody waits for it."""
    service = GateService()
    async with asyncio.timeout(10), serving(service) as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /wait HTTP/1.1\r\nHost: edge\r\n\r\n")
        await service.entered.wait()
        writer.close()
        await service.cancelled.wait()


async def test_a_client_that_hangs_up_cancels_the_stream() -> None:
    """Between two items too."""
    service = GateService()
    async with asyncio.timeout(10), serving(service) as server:
        async with httpx.AsyncClient() as http, http.stream("GET", f"{server.address}/watch") as response:
            assert await anext(response.aiter_lines()) == '"first"'
            await service.entered.wait()
        await service.cancelled.wait()


async def test_a_stream_that_breaks_is_seen_to_be_broken(caplog: pytest.LogCaptureFixture) -> None:
    """The client gets the items so far, and an error rather than the end."""
    service = GateService()
    service.opened.set()
    async with (
        asyncio.timeout(10),
        serving(service) as server,
        httpx.AsyncClient() as http,
        http.stream("GET", f"{server.address}/watch") as response,
    ):
        lines = response.aiter_lines()
        assert await anext(lines) == '"first"'
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(lines)


async def test_a_body_that_is_too_large_closes_the_connection() -> None:
    """What is left of it is not read."""
    async with asyncio.timeout(10), serving(GateService()) as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /ping HTTP/1.1\r\nHost: edge\r\nContent-Length: 99999999\r\n\r\n")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"\r\nconnection: close\r\n" in answer
        writer.close()


async def test_mounted_applications_start_before_and_stop_after_the_requests() -> None:
    """What they set up is there for every request."""
    events: list[str] = []
    service = GateService()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        events.append("start")
        yield
        events.append("stop")

    with_site = Gateway(get("/wait", Gate.wait), mount("/site", Starlette(lifespan=lifespan)))
    async with asyncio.timeout(10), serving(service, of=with_site) as server, httpx.AsyncClient() as http:
        assert events == ["start"]
        waiting = asyncio.create_task(http.get(f"{server.address}/wait"))
        await service.entered.wait()
        closing = asyncio.create_task(server.close(5))
        while not await refused(server.address):
            pass
        assert events == ["start"]
        service.opened.set()
        await waiting
        await closing
        assert events == ["start", "stop"]


async def test_a_mounted_application_that_does_not_start_keeps_the_gateway_closed() -> None:
    """The socket is closed too: nobody is left hanging in its backlog."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no money"})

    sock = listening()
    address = address_of(sock)
    with pytest.raises(LifespanFailed, match="the application at /shop did not start: no money"):
        await Gateway(mount("/shop", broken)).open({}, sock, 10.0)
    assert await refused(address)


async def test_closing_twice_is_closing_once() -> None:
    """The second does nothing."""
    async with serving(GateService()) as server:
        await server.close(1)
        await server.close(1)


async def test_it_serves_on_a_unix_socket() -> None:
    """For a proxy on the same machine."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "edge.sock")
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(path)
        sock.listen()
        server = await gateway.open({Gate: GateService()}, sock, 10.0)
        assert server.address == f"unix:{path}"
        transport = httpx.AsyncHTTPTransport(uds=path)
        async with httpx.AsyncClient(transport=transport, base_url="http://edge") as http:
            assert (await http.get("/ping")).json() == "pong"
        await server.close(1)


def test_an_ipv6_address_is_a_url() -> None:
    """In brackets."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with socket.socket(socket.AF_INET6) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        assert address_of(sock) == f"http://[::1]:{sock.getsockname()[1]}"
