"""Where a process can be reached: a socket of this machine, a port of TCP, or a name within this process."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final, TypeAlias, final

LONGEST_PATH: Final = 107
"""Bytes that the path of a Unix socket may have (``sun_path`` of Linux has 108, the last of them 0)."""
_TCP: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")


@final
@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A socket in the file system."""

    path: str

    def __str__(self) -> str:
        return f"unix://{self.path}"


@final
@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A port of a host."""

    host: str
    """A name or an IP address, IPv6 without brackets."""
    port: int

    def __str__(self) -> str:
        return f"tcp://[{self.host}]:{self.port}" if ":" in self.host else f"tcp://{self.host}:{self.port}"


@final
@dataclass(frozen=True, slots=True)
class MemoryAddress:
    """A name in a ``MemoryNetwork``."""

    name: str

    def __str__(self) -> str:
        return f"memory://{self.name}"


Address: TypeAlias = UnixAddress | TcpAddress | MemoryAddress


def parse_address(text: str) -> Address:
    """Return the address that ``unix:///path``, ``tcp://host:port`` or ``memory://name`` is. Raises ValueError.

    >>> parse_address("tcp://[::1]:7000")
    TcpAddress(host='::1', port=7000)
    """
    scheme, separator, rest = text.partition("://")
    if separator and scheme == "unix":
        if not rest.startswith("/"):
            raise ValueError(f"{text!r} has no absolute path; write unix:///run/academy/catalog.sock")
        if len(os.fsencode(rest)) > LONGEST_PATH:
            raise ValueError(f"the path of a Unix socket has at most {LONGEST_PATH} bytes; {rest} has more")
        return UnixAddress(rest)
    if separator and scheme == "tcp":
        match = _TCP.fullmatch(rest)
        if match is None:
            raise ValueError(f"{text!r} has no host and port; write tcp://10.0.0.7:7000")
        if int(match[2]) > 65535:
            raise ValueError(f"{text!r} has a port above 65535")
        return TcpAddress(match[1].strip("[]"), int(match[2]))
    if separator and scheme == "memory" and rest:
        return MemoryAddress(rest)
    raise ValueError(f"{text!r} is no address; write unix:///path or tcp://host:port")
