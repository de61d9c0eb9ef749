"""The connection to NATS comes when it can, comes back, and ends."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable, Callable

import pytest

from freestone.cluster import NatsConnection, NatsSettings
from freestone.errors import ConfigurationError, Unavailable
from freestone.testing.nats import NatsServer

Connect = Callable[[], Awaitable[NatsConnection]]


async def test_it_connects(connect: Connect) -> None:
    """And knows from which address of this machine."""
    connection = await connect()
    assert connection.is_connected
    assert connection.local_host == "127.0.0.1"


async def test_it_comes_back_after_the_server_was_killed(connect: Connect, server: NatsServer) -> None:
    """At once usable, and told to those who watch."""
    connection = await connect()
    back = asyncio.Event()
    connection.watch(back.set)
    await server.kill()
    async with asyncio.timeout(10):
        while connection.is_connected:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.01)
    with pytest.raises(Unavailable, match="can't be reached now"):
        connection.client  # noqa: B018
    await server.start()
    async with asyncio.timeout(10):
        await back.wait()
    await connection.client.flush()


async def test_a_server_that_is_not_there_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    """The start ends, the log says so once and shows no password, and the close ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"nats://ada:secret@127.0.0.1:{free.getsockname()[1]}"
        connection = NatsConnection(NatsSettings((url,)))
        with caplog.at_level(logging.WARNING, "freestone.cluster"):
            async with asyncio.timeout(10):
                await connection.start()
                assert not connection.is_connected
                await connection.close()
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text


async def test_without_nats_py_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is an extra."""
    monkeypatch.setitem(sys.modules, "nats", None)
    with pytest.raises(ConfigurationError, match=r'pip install "freestone\[nats\]"'):
        NatsConnection(NatsSettings(("nats://127.0.0.1:4222",)))
