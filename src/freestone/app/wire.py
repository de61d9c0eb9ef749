"""``[wire]`` of the application file: what a connection between two processes puts up with, and what it compresses."""

from __future__ import annotations

import re
from typing import Final

from freestone.wire import Limits, can_compress

from .document import Table

_SIZE: Final = re.compile(r"(\d+)(B|KiB|MiB|GiB)")
_UNITS: Final = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_MOST_BYTES: Final = 2**40
_MOST_CALLS: Final = 2**32 - 1


def read_wire(table: Table) -> Limits:
    """Return what the table says; the limits that are no choice of an application keep their defaults.

    Mistakes are noted, zstd included that is wanted and not installed.
    """
    usual = Limits()
    message = read_size(table, "max_message", usual.message, least=usual.hello)
    calls = table.integer("max_calls", usual.calls)
    if not 1 <= calls <= _MOST_CALLS:
        table.note("max_calls", f"it is {calls}; it must be from 1 to {_MOST_CALLS}")
        calls = usual.calls
    compress = read_size(table, "compress", 0) or None
    if compress is not None and not can_compress():
        table.note("compress", "zstd is not installed", "install freestone[zstd]")
        compress = None
    table.refuse_unknown()
    return Limits(
        frame=min(usual.frame, message), message=message, unfinished=2 * message, calls=calls, compress=compress
    )


def read_size(table: Table, key: str, default: int, *, least: int = 1) -> int:
    """Return the bytes of a size: a text with a unit, or a number. Notes what is none."""
    value = table.get(key)
    if value is None:
        return default
    if isinstance(value, str) and (parts := _SIZE.fullmatch(value)):
        value = int(parts[1]) * _UNITS[parts[2]]
    if not isinstance(value, int) or isinstance(value, bool):
        table.note(key, f"{value!r} is no size", 'write it as "64KiB", "8MiB" or "1GiB", or as a number of bytes')
        return default
    if not least <= value <= _MOST_BYTES:
        table.note(key, f"it is {value} bytes; it must be from {least} to {_MOST_BYTES}")
        return default
    return value
