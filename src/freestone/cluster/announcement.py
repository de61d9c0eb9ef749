"""What a process tells the others of its application: where it is, and what it runs."""

from __future__ import annotations

import msgspec

from freestone.call import Address, MemoryAddress, UnixAddress, parse_address


class Announcement(msgspec.Struct, frozen=True, omit_defaults=True):
    """A process that listens somewhere."""

    process: str
    instance: str
    """Unlike that of any other process, also of one that had its place before."""
    addresses: tuple[str, ...] = ()
    """Where it listens, as others on the network dial it."""
    services: dict[str, str] = {}
    """Its services, each with the fingerprint of its contract."""
    version: str = ""
    """The version of Freestone that it runs on."""

    def reached_at(self) -> tuple[Address, ...]:
        """Return the addresses that somebody elsewhere can dial. What is none is left out."""
        found: list[Address] = []
        for text in self.addresses:
            try:
                address = parse_address(text)
            except ValueError:
                continue
            if not isinstance(address, MemoryAddress | UnixAddress):
                found.append(address)
        return tuple(found)


def encode(announcement: Announcement) -> bytes:
    """Return the announcement as JSON, so that people can read along."""
    return msgspec.json.encode(announcement)


def decode(data: bytes) -> Announcement | None:
    """Return the announcement, or None if it is none."""
    try:
        return msgspec.json.decode(data, type=Announcement)
    except msgspec.MsgspecError:
        return None
