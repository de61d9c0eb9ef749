"""Four hosts, each a network namespace with an address of its own, and the wires between them in the hands of a test.

The kernel of a small machine may have no ``netem``. So each host's interface is a TUN device, whose packets this
process carries from one to the other, as a switch: it drops, by direction or by chance, what it is told to, from a
seed.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Final

import pytest

_TUNSETIFF: Final = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
HOST = Path(__file__).with_name("host.py")
HOSTS: Final = 4


def _why_not() -> str:
    if os.geteuid() != 0:
        return "network namespaces are made by root"
    if shutil.which("ip") is None:
        return "there is no iproute2"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "there is no /dev/net/tun"
    made = subprocess.run(["ip", "netns", "add", f"fs{os.getpid()}p"], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", f"fs{os.getpid()}p"], capture_output=True, check=False)
    return "" if made.returncode == 0 else "network namespaces can't be made here"


class Hosts:
    """The namespaces, numbered from 0, and the switch between them."""

    def __init__(self) -> None:
        self.cut: set[tuple[int, int]] = set()
        """Directions, from host to host, in which nothing passes."""
        self.loss = 0.0
        """The share of packets that are lost."""
        self.seed = random.SystemRandom().randrange(10**6)
        self._random = random.Random(self.seed)
        self._names = [f"fs{os.getpid()}-{number}" for number in range(HOSTS)]
        self._taps: list[int] = []
        self._processes: list[asyncio.subprocess.Process] = []

    @staticmethod
    def address(number: int) -> str:
        return f"10.231.7.{number + 1}"

    def make(self) -> None:
        for number, name in enumerate(self._names):
            _ip("netns", "add", name)
            tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            self._taps.append(tap)
            device = f"fst{os.getpid() % 100000}{number}"
            fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH", device.encode(), _IFF_TUN | _IFF_NO_PI))
            _ip("link", "set", device, "netns", name)
            _ip("-n", name, "link", "set", device, "name", "eth0")
            _ip("-n", name, "address", "add", f"{self.address(number)}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", "eth0", "up")

    def remove(self) -> None:
        for tap in self._taps:
            os.close(tap)
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def link(self, number: int, state: str) -> None:
        """Set a host's link up or down."""
        _ip("-n", self._names[number], "link", "set", "eth0", state)

    @contextlib.contextmanager
    def switched(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number, tap in enumerate(self._taps):
            loop.add_reader(tap, self._carry, number, tap)
        try:
            yield
        finally:
            for tap in self._taps:
                loop.remove_reader(tap)

    async def run(self, number: int, *words: str) -> asyncio.subprocess.Process:
        """Start the program of a host in its namespace."""
        process = await asyncio.create_subprocess_exec(
            "ip", "netns", "exec", self._names[number], sys.executable, str(HOST), *words,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._processes.append(process)
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 30) == b"ready\n"
        return process

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def end(self) -> None:
        for process in self._processes:
            await self.kill(process)

    def _carry(self, source: int, tap: int) -> None:
        for _ in range(64):
            try:
                packet = os.read(tap, 65536)
            except (BlockingIOError, OSError):
                return
            if packet[0] >> 4 != 4:
                continue
            target = packet[19] - 1
            lost = (source, target) in self.cut or self._random.random() < self.loss
            if packet[16:19] == bytes([10, 231, 7]) and 0 <= target < HOSTS and not lost:
                with contextlib.suppress(OSError):
                    os.write(self._taps[target], packet)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
async def hosts() -> AsyncGenerator[Hosts]:
    """Make the hosts, and remove them whatever happens."""
    if why := _why_not():
        pytest.skip(why)
    made = Hosts()
    try:
        made.make()
        print(f"packets are lost by the seed {made.seed}")
        with made.switched():
            try:
                yield made
            finally:
                await made.end()
    finally:
        made.remove()
