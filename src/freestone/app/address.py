"""Where processes listen: what a file may say about it, and the sockets of replicas on one machine."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TypeVar

from freestone.call import (
    Address,
    Endpoint,
    MemoryAddress,
    TcpAddress,
    UnixAddress,
    parse_address,
    parse_endpoint,
)
from freestone.errors import ConfigurationError, Mistake

E = TypeVar("E", bound=Endpoint)

LONGEST_SOCKET_PATH = 103 if sys.platform == "darwin" else 107
"""Bytes of a Unix socket's path that this system takes (the field in ``sockaddr_un``, less the final NUL)."""

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def known_address(written: str) -> Address:
    """Return an address that processes can tell each other in a file. Raises ValueError with a sentence.

    >>> str(known_address("tcp://10.0.0.7:7000"))
    'tcp://10.0.0.7:7000'
    """
    return _known(parse_address(written), written)


def known_endpoint(written: str) -> Endpoint:
    """Return an address, or a name to be looked up, that processes can tell each other in a file. Raises ValueError.

    >>> str(known_endpoint("dns://catalog:7000"))
    'dns://catalog:7000'
    """
    return _known(parse_endpoint(written), written)


def _known(endpoint: E, written: str) -> E:
    if isinstance(endpoint, MemoryAddress):
        raise ValueError(f"{written!r} is within one process")
    if isinstance(endpoint, TcpAddress) and endpoint.port == 0:
        raise ValueError(f"{written!r} names no port that others could know")
    return endpoint


def http_address(written: str) -> TcpAddress:
    """Return the host and port that ``127.0.0.1:8000`` is; port 0 is any free one. Raises ValueError."""
    match = _AUTHORITY.fullmatch(written)
    if match is None:
        raise ValueError(f"{written!r} is no host and port")
    if int(match[2]) > 65535:
        raise ValueError(f"{written!r} has a port above 65535")
    return TcpAddress(match[1].strip("[]"), int(match[2]))


def http_url(address: TcpAddress) -> str:
    """Return the URL of what serves HTTP there.

    >>> http_url(TcpAddress("::1", 8000))
    'http://[::1]:8000'
    """
    return str(address).replace("tcp://", "http://")


def from_here(address: Address) -> Address:
    """Return where a process of the same machine reaches what listens at an address.

    >>> str(from_here(TcpAddress("0.0.0.0", 7000)))
    'tcp://127.0.0.1:7000'
    """
    if isinstance(address, TcpAddress) and address.host in _EVERYWHERE:
        return TcpAddress(_EVERYWHERE[address.host], address.port)
    return address


def replica_address(run_directory: Path, process: str, replica: int) -> UnixAddress:
    """Return the socket of one replica of a process, numbered from 0, on this machine.

    Raises ConfigurationError when its path is longer than the system takes.

    >>> str(replica_address(Path("/run/academy"), "catalog", 1))
    'unix:///run/academy/catalog-1.sock'
    """
    path = str(run_directory / f"{process}-{replica}.sock")
    size = len(os.fsencode(path))
    if size > LONGEST_SOCKET_PATH:
        raise ConfigurationError(
            [
                Mistake(
                    f"process {process}",
                    f"the path of its socket has {size} bytes, and a Unix socket takes {LONGEST_SOCKET_PATH}: {path}",
                    "run in a directory with a shorter path, or give the process a shorter name",
                )
            ]
        )
    return UnixAddress(path)
