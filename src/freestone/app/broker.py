"""``[events]`` of the application file: who carries events, how they are written, and how long they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeVar, final

import msgspec

from freestone.service import meant, shown

from .document import Table
from .policies import read_duration
from .wire import read_size

BrokerKind = Literal["embedded", "nats"]
Storage = Literal["file", "memory"]
Format = Literal["json", "messagepack"]

_BROKERS: Final[tuple[BrokerKind, ...]] = ("embedded", "nats")
_STORAGES: Final[tuple[Storage, ...]] = ("file", "memory")
_FORMATS: Final[tuple[Format, ...]] = ("json", "messagepack")
_OF_NATS: Final = ("partitions", "replicas", "storage", "max_bytes", "duplicate_window", "most_waiting", "sync")
"""The keys that say something to NATS alone."""

_W = TypeVar("_W", BrokerKind, Storage, Format, Literal["full", "normal"], Literal["database", "nats"])


@final
class EventSettings(msgspec.Struct, frozen=True):
    """What an application says about its events."""

    broker: BrokerKind | None = None
    """Who carries them; None is embedded in one process, and NATS between several."""
    format: Format = "json"
    """How an event's fields are written."""
    keep: float = 14 * 86400.0
    """Seconds for which an event is kept after it was published: in the publisher's database, and by the broker."""
    partitions: int = 8
    """Into how many parts NATS sorts the keys, so that replicas can share them."""
    replicas: int = 1
    """How many servers of a NATS cluster keep each event."""
    storage: Storage = "file"
    """Where they keep it."""
    max_bytes: int | None = None
    """What they keep at most; beyond it events wait in the publisher's database. None is no limit of the stream."""
    duplicate_window: float = 120.0
    """Seconds in which NATS absorbs an event that it has already."""
    most_waiting: int = 1_000_000
    """Events of a service that may wait for NATS; beyond them its commands that publish are refused."""
    sync: float | None = None
    """Seconds after which the NATS server of a run writes to the disk what it has acknowledged; None is before."""
    remember: float = 30 * 86400.0
    """Seconds for which whoever hears an event remembers that it did, so that it takes effect once. As an event may be
    delivered again for as long as it is kept, it is not less than ``keep``."""


def read_events(table: Table, *, has_servers: bool = False) -> EventSettings:
    """Return what ``[events]`` says, given whether ``[nats]`` names servers. Mistakes are noted."""
    usual = EventSettings()
    broker = read_word(table, "broker", _BROKERS, usual.broker)
    settings = EventSettings(
        broker=broker,
        format=read_word(table, "format", _FORMATS, usual.format) or usual.format,
        keep=read_duration(table, "keep", usual.keep),
        partitions=_partitions(table, usual.partitions),
        replicas=_count(table, "replicas", usual.replicas, most=5),
        storage=read_word(table, "storage", _STORAGES, usual.storage) or usual.storage,
        max_bytes=read_size(table, "max_bytes", 0, least=2**20) or None,
        duplicate_window=read_duration(table, "duplicate_window", usual.duplicate_window),
        most_waiting=_count(table, "most_waiting", usual.most_waiting, most=1_000_000_000),
        sync=_sync(table),
    )
    remember = read_duration(table, "remember", max(usual.remember, settings.keep))
    settings = msgspec.structs.replace(settings, remember=remember)
    if settings.duplicate_window < 0.1 and "duplicate_window" in table:
        table.note("duplicate_window", "it must be at least 100ms")
    if settings.duplicate_window > settings.keep:
        key = "duplicate_window" if "duplicate_window" in table else "keep"
        window, keep = shown(settings.duplicate_window), shown(settings.keep)
        table.note(key, f"the duplicate window is {window}, and events are kept for {keep}", "keep them for longer")
    if settings.remember < settings.keep:
        kept, remembered = shown(settings.keep), shown(settings.remember)
        table.note(
            "remember",
            f"events are kept for {kept} and remembered for {remembered}, so that an old one could take effect twice",
            "remember them for as long as they are kept",
        )
    if broker == "embedded":
        for key in (key for key in _OF_NATS if key in table):
            table.note(key, 'it has no effect, since broker = "embedded"', "leave one of the two out")
    elif has_servers and "sync" in table:
        advice = "set sync_interval in their configuration, and leave this out"
        table.note("sync", "it has no effect on the servers of [nats] url", advice)
    table.refuse_unknown()
    return settings


def event_lines(settings: EventSettings, broker: BrokerKind) -> Iterator[str]:
    """Yield what ``freestone plan`` shows of them, given who carries them.

    >>> print(*event_lines(EventSettings(), "nats"))
    events: by NATS, in JSON, kept 14d; 8 partitions, 1 replica in files, duplicates absorbed for 2m
    """
    written = "JSON" if settings.format == "json" else "MessagePack"
    kept = f"in {written}, kept {shown(settings.keep)}"
    if broker == "embedded":
        yield f"events: embedded, {kept}"
        return
    replicas = f"{settings.replicas} replica{'s' if settings.replicas > 1 else ''}"
    where = "files" if settings.storage == "file" else "memory"
    most = f", {settings.max_bytes} bytes at most" if settings.max_bytes is not None else ""
    window = shown(settings.duplicate_window)
    stream = f"{settings.partitions} partitions, {replicas} in {where}{most}, duplicates absorbed for {window}"
    synced = f", on the disk after {shown(settings.sync)}" if settings.sync is not None else ""
    yield f"events: by NATS, {kept}; {stream}{synced}"


def read_word(table: Table, key: str, words: tuple[_W, ...], default: _W | None) -> _W | None:
    """Return the word that the table has, of those that there are; another one is noted."""
    written = table.text(key)
    for word in words:
        if written == word:
            return word
    if written:
        table.note(key, f'it can\'t be "{written}"', meant(written, words, "choices"))
    return default


def _sync(table: Table) -> float | None:
    written = table.get("sync")
    if isinstance(written, str) and written.isalpha():
        if written != "always":
            table.note("sync", f'it can\'t be "{written}"', 'write "always", or a duration such as "2m"')
        return None
    return read_duration(table, "sync", 0.0) or None


def _partitions(table: Table, default: int) -> int:
    number = table.integer("partitions", default)
    if 1 <= number <= 64 and 64 % number == 0:
        return number
    table.note("partitions", f"it is {number}; it must be 1, 2, 4, 8, 16, 32 or 64")
    return default


def _count(table: Table, key: str, default: int, *, most: int) -> int:
    number = table.integer(key, default)
    if 1 <= number <= most:
        return number
    table.note(key, f"it is {number}; it must be from 1 to {most}")
    return default
