"""What a file says about NATS, and about finding the processes of the application through it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final
from urllib.parse import urlsplit

from freestone.cluster import NatsSettings

from .document import Table

_SCHEMES = ("nats", "tls", "ws", "wss")


@final
@dataclass(frozen=True, slots=True)
class Discovery:
    """That processes find each other by announcing themselves through NATS."""

    advertise: str | None = None
    """The host that processes give as theirs where they listen everywhere; None is the one from which NATS is
    reached."""


def read_discovery(root: Table) -> Discovery | None:
    """Return what ``[discovery]`` says; None if processes are not discovered. Notes what is wrong."""
    table = root.table("discovery")
    by = table.text("by")
    advertise = table.text("advertise")
    table.refuse_unknown()
    if "discovery" not in root:
        return None
    if by != "nats":
        problem = f'it can\'t be "{by}"' if by else "it is missing"
        table.note("by", problem, 'write by = "nats", or take [discovery] out')
    elif "nats" not in root:
        table.note("by", "there is no [nats]", 'say where NATS is: [nats] url = "nats://10.0.0.9:4222"')
    if ":" in advertise.strip("[]") and advertise.count(":") == 1:
        table.note("advertise", f'"{advertise}" is no host', "leave out the port: it is that where a process listens")
    return Discovery(advertise.strip("[]") or None)


def read_nats(root: Table, directory: Path) -> NatsSettings | None:
    """Return where NATS is, as ``[nats]`` says; None if it says nothing. Notes what is wrong."""
    if "nats" not in root:
        return None
    table = root.table("nats")
    urls = table.texts("url")
    if not urls:
        table.note("url", "it is missing", 'write url = "nats://10.0.0.9:4222", or a list of servers')
    for url in urls:
        if not _is_server(url):
            shown = url.rpartition("@")[2]
            table.note("url", f'"{shown}" is no address of a NATS server', 'write it as "nats://10.0.0.9:4222"')
    credentials = table.text("credentials")
    table.refuse_unknown()
    return NatsSettings(urls, str(directory / credentials) if credentials else None) if urls else None


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        return False
