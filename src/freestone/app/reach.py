"""What a file says about how processes are reached, and how they prove who they are."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import final

from freestone.call import Certified, Credentials, Endpoint, Nameserver, TlsFiles

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


@final
@dataclass(frozen=True, slots=True)
class Tls:
    """``[tls]``: the files with which the processes of an application prove who they are."""

    certificate: str
    key: str
    authorities: str
    """Paths; ``{process}`` in them is the name of the process."""
    guests: tuple[str, ...] = ()
    """The other applications whose processes may call this one's."""

    def files(self, process: str) -> TlsFiles:
        """Return the files of a process."""
        paths = (self.certificate, self.key, self.authorities)
        return TlsFiles(*(Path(path.replace("{process}", process)) for path in paths))

    def credentials(self, application: str, process: str) -> Credentials:
        """Return what a process proves itself with. Raises ConfigurationError with what is wrong in its files."""
        return Credentials(self.files(process), Certified(application, process), self.guests)


def read_tls(table: Table, directory: Path, secrets: Path) -> Tls:
    """Return what ``[tls]`` says. Paths start at ``directory``; a file that is not named is one of the secrets."""
    tls = Tls(
        str(directory / table.text("certificate", str(secrets / "tls.crt"))),
        str(directory / table.text("key", str(secrets / "tls.key"))),
        str(directory / table.text("authorities", str(secrets / "ca.crt"))),
        table.texts("guests"),
    )
    table.refuse_unknown()
    return tls
