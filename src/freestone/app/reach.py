"""What a file says about how processes are reached: endpoints, and the name servers that know the names among them."""

from __future__ import annotations

import ipaddress

from freestone.call import Endpoint, Nameserver

from .address import known_endpoint
from .document import Table


def read_endpoints(table: Table, key: str = "at") -> tuple[Endpoint, ...]:
    """Return the endpoints under a key, a text or a list of them. Notes those that are none."""
    endpoints: list[Endpoint] = []
    for written in table.texts(key):
        try:
            endpoints.append(known_endpoint(written))
        except ValueError as error:
            table.note(key, str(error))
    if table.get(key) == []:
        table.note(key, "it has no address")
    return tuple(endpoints)


def read_nameservers(table: Table) -> tuple[Nameserver, ...]:
    """Return the name servers of ``[dns]``; none are those of the machine. Notes what is none."""
    servers: list[Nameserver] = []
    for written in table.texts("nameservers"):
        try:
            servers.append(_nameserver(written))
        except ValueError as error:
            table.note("nameservers", str(error), 'write an IP address, as "10.0.0.2", "10.0.0.2:5353" or "[::1]:53"')
    table.refuse_unknown()
    return tuple(servers)


def _nameserver(written: str) -> Nameserver:
    host, port = written, "53"
    if written.startswith("[") or written.count(":") == 1:
        host, _, port = written.rpartition(":")
        host = host.strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f'"{written}" has no IP address') from None
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= 65535:
        raise ValueError(f'"{written}" has no port from 1 to 65535')
    return Nameserver(host, int(port))
