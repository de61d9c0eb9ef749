"""Where a process can be reached: a socket of this machine, a port of TCP, or a name within this process.

An address can be dialled. An endpoint is an address, or a name that stands for any number of them: what a file may say.
"""

from __future__ import annotations

import os
import re
from typing import Final, TypeAlias, final

import msgspec

LONGEST_PATH: Final = 107
"""Bytes that the path of a Unix socket may have (``sun_path`` of Linux has 108, the last of them 0)."""
_DNS_NAME: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?"
_DNS: Final = rf"({_DNS_NAME}):(\d{{1,5}})"
_TCP: Final = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})"


@final
class UnixAddress(msgspec.Struct, frozen=True):
    """A socket in the file system."""

    path: str

    def __str__(self) -> str:
        return f"unix://{self.path}"


@final
class TcpAddress(msgspec.Struct, frozen=True):
    """A port of a host."""

    host: str
    """A name or an IP address, IPv6 without brackets."""
    port: int

    def __str__(self) -> str:
        return f"tcp://[{self.host}]:{self.port}" if ":" in self.host else f"tcp://{self.host}:{self.port}"


@final
class MemoryAddress(msgspec.Struct, frozen=True):
    """A name in a ``MemoryNetwork``."""

    name: str

    def __str__(self) -> str:
        return f"memory://{self.name}"


Address: TypeAlias = UnixAddress | TcpAddress | MemoryAddress


@final
class DnsName(msgspec.Struct, frozen=True):
    """A name of which the DNS knows the addresses. Each is a replica, at that port."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"dns://{self.name}:{self.port}"


@final
class DnsService(msgspec.Struct, frozen=True):
    """A name of which the DNS knows the hosts and their ports, as SRV records (RFC 2782)."""

    name: str

    def __str__(self) -> str:
        return f"dns+srv://{self.name}"


Name: TypeAlias = DnsName | DnsService
"""What has to be looked up before it can be dialled."""
Endpoint: TypeAlias = Address | Name


def parse_endpoint(text: str) -> Endpoint:
    """Return the address, or the name that ``dns://name:port`` or ``dns+srv://name`` is. Raises ValueError.

    >>> parse_endpoint("dns://catalog:7000")
    DnsName(name='catalog', port=7000)
    >>> parse_endpoint("dns+srv://_catalog._tcp.example")
    DnsService(name='_catalog._tcp.example')
    """
    scheme, separator, rest = text.partition("://")
    if separator and scheme == "dns":
        match = re.fullmatch(_DNS, rest)
        if match is None:
            raise ValueError(f"{text!r} has no name and port; write dns://catalog:7000")
        if not 0 < int(match[2]) <= 65535:
            raise ValueError(f"{text!r} has a port that is not from 1 to 65535")
        if _is_ip(match[1]):
            raise ValueError(f"{text!r} is an IP address and needs no looking up; write tcp://{rest}")
        return DnsName(match[1], int(match[2]))
    if separator and scheme == "dns+srv":
        if not re.fullmatch(_DNS_NAME, rest):
            raise ValueError(f"{text!r} names no service; write dns+srv://_catalog._tcp.example")
        return DnsService(rest)
    return parse_address(text)


def is_loopback(host: str) -> bool:
    """Whether what listens on that host, a name or an IP address, is reached from this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    import ipaddress  # who speaks over Unix sockets has no use for it

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_ip(host: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


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
        match = re.fullmatch(_TCP, rest)
        if match is None:
            raise ValueError(f"{text!r} has no host and port; write tcp://10.0.0.7:7000")
        if int(match[2]) > 65535:
            raise ValueError(f"{text!r} has a port above 65535")
        return TcpAddress(match[1].strip("[]"), int(match[2]))
    if separator and scheme == "memory" and rest:
        return MemoryAddress(rest)
    if separator and scheme in ("dns", "dns+srv"):
        raise ValueError(f"{text!r} is a name that has to be looked up, and no address")
    raise ValueError(f"{text!r} is no address; write unix:///path or tcp://host:port")
