"""An application in processes of its own, really started, for a test."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import TypeVar, final

from freestone.app import CLIENT, App, variables_of
from freestone.call import (
    Network,
    Pool,
    Proof,
    SocketNetwork,
    StaticResolver,
    Transport,
    WireTransport,
    client,
    parse_address,
)
from freestone.clock import SystemClock, SystemIds, system_random
from freestone.contract import contract_of
from freestone.deploy.supervisor import RunRecord, running
from freestone.errors import ConfigurationError, Mistake
from freestone.wire import Hello

from .crash import Crash, crashes
from .faults import FaultPlan, Faults, Injector, written

C = TypeVar("C")

START_SECONDS = 60.0
"""How long all processes may take to start."""
STOP_SECONDS = 20.0
"""How long they may take to drain, before they are killed."""


@final
class Processes:
    """``freestone run TOPOLOGY`` in a process group of its own."""

    def __init__(
        self, app: App, topology: str, home: Path, faults: Faults | None = None, crash_at: Sequence[str] = ()
    ) -> None:
        if crash_at and faults is None:
            faults = Faults(FaultPlan())  # without which nothing is put between the processes
        self.app = app
        self.topology = topology
        self.home = home
        self.faults = faults
        self.output: list[str] = []
        """What it has printed, line by line."""
        self._crash_at = [str(Crash.parse(text)) for text in crash_at]
        self._process: asyncio.subprocess.Process | None = None
        self._injector = None if faults is None else Injector(faults, "test")
        self._pool: Pool | None = None
        self._placed: dict[str, str] = {}

    def client(self, contract: type[C]) -> C:
        """Return a client of a contract that the application keeps. Raises ConfigurationError for others."""
        service = self.app.kept_by.get(contract_of(contract))
        if service is None or self._pool is None:
            raise ConfigurationError(
                [Mistake(contract.__qualname__, "no service keeps it", "name one under [services]")]
            )
        process, policies = self._placed[service], self.app.policies
        transport: Transport = WireTransport(self._pool, process, service, policies)
        if self._injector is not None:
            transport = self._injector.transport("", service, process, transport, policies.deadlines)
        return client(contract, transport)

    @property
    def crashes(self) -> list[str]:
        """Where processes have crashed as they were told to, in that order."""
        return crashes(self._crash_log)

    @property
    def _crash_log(self) -> Path:
        return self.home / "crashes.txt"

    def record(self) -> RunRecord:
        """Return what runs: each replica with its process id, state and restarts. Raises LookupError if none."""
        for record in running(self.home):
            if record.topology == self.topology:
                return record
        raise LookupError(f"{self.app.name} does not run as {self.topology}:\n" + "\n".join(self.output))

    async def start(self) -> None:
        """Start, and wait until every replica serves. Raises RuntimeError, with what was printed, if that fails."""
        command = ["-m", "freestone.cli", "run", self.topology, "--file", str(self.app.path)]
        if self.app.gateway is not None:
            command += ["--listen", "127.0.0.1:0"]
        if self.faults is not None:
            self.home.mkdir(parents=True, exist_ok=True)
            file = self.home / "faults.toml"
            file.write_text(written(self.faults.plan), "utf-8")
            command += ["--faults", str(file)]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            env={
                **os.environ,
                "FREESTONE_HOME": str(self.home),
                "FREESTONE_ENVIRONMENT": self.app.environment.value,
                **variables_of(self.app.urls, self.app.services),
                "FREESTONE_CRASH_AT": ",".join(self._crash_at),
                "FREESTONE_CRASH_LOG": str(self._crash_log),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        served = f"{self.app.name} runs as {self.topology}"
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._read_until(served)
        except TimeoutError:
            self.kill()
        if not self.output or served not in self.output[-1]:
            raise RuntimeError(f"{' '.join(command)} did not start:\n" + "\n".join(self.output))
        self._connect(self.record())

    async def stop(self) -> None:
        """Drain, and wait for the end; what does not end is killed."""
        if self._pool is not None:
            await self._pool.close()
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._read_until(None)
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        if self.faults is not None:
            for line in self.output:
                self.faults.hear(line)

    def kill(self) -> None:
        """End the supervisor with SIGKILL; its children follow by themselves."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)

    def _connect(self, record: RunRecord) -> None:
        addresses: dict[str, list[str]] = {}
        for replica in (it for it in record.replicas if it.speaks_wire):
            addresses.setdefault(replica.process, []).append(replica.address)
            self._placed.update(dict.fromkeys(replica.services, replica.process))
        random = system_random()
        hello = Hello(application=self.app.name, process=CLIENT, instance=SystemIds(SystemClock(), random).new())
        resolver = StaticResolver({name: [parse_address(it) for it in those] for name, those in addresses.items()})
        network: Network = SocketNetwork(self._proof(record))
        if self._injector is not None:
            process_at = {parse_address(it.address): it.process for it in record.replicas if it.speaks_wire}
            network = self._injector.network(network, process_at.__getitem__)
        self._pool = Pool(hello, resolver, random=random, network=network)

    def _proof(self, record: RunRecord) -> Proof | None:
        tls = self.app.tls
        if tls is None or all(it.address.startswith("unix:") for it in record.replicas if it.speaks_wire):
            return None
        return tls.credentials(self.app.name, CLIENT)

    async def _read_until(self, text: str | None) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.output.append(line.decode(errors="replace").rstrip())
            if text is not None and text in self.output[-1]:
                return


@contextlib.asynccontextmanager
async def processes(
    app: App, topology: str, directory: Path, *, faults: Faults | None = None, crash_at: Sequence[str] = ()
) -> AsyncGenerator[Processes]:
    """Run a topology of the application for a block, with its data and its state below ``directory``.

    ``faults`` go wrong on the calls of each process, and on those of the test. At each point of ``crash_at`` a process
    kills itself, once, as ``"orders/acknowledged:3"`` says; ``freestone.testing.crash`` has the points.
    """
    it = Processes(app, topology, directory, faults, crash_at)
    try:
        await it.start()
        yield it
    finally:
        await it.stop()
