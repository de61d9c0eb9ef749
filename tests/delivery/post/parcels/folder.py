"""The folder in which the processes of a test leave what they did, and find what they shall do.

What is written here is no part of any transaction: so it tells how often something was tried, too.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from freestone.signals import SIGNALS, Signal

FOLDER: Final = "PARCELS_FOLDER"


def folder() -> Path:
    """Return the folder; a variable of the environment says which."""
    return Path(os.environ[FOLDER])


@functools.cache  # several services may be in one process
def witness() -> None:
    """Write down each signal of this process from now on, a line each, with the process's id."""
    file = os.open(folder() / "witness", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def hear(signal: Signal) -> None:
        fields: dict[str, Any] = {name: getattr(signal, name) for name in signal.__struct_fields__}
        line = [os.getpid(), type(signal).__name__, fields]
        os.write(file, msgspec.json.encode(line, enc_hook=repr) + b"\n")

    SIGNALS.subscribe(hear)


def witnessed(kind: type[Signal], **fields: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each signal of a kind with those fields that any process has written down, with that process's id."""
    file = folder() / "witness"
    for line in file.read_bytes().splitlines() if file.exists() else ():
        pid, name, found = msgspec.json.decode(line)
        if name == kind.__name__ and all(found[field] == value for field, value in fields.items()):
            yield pid, found


def note(name: str) -> int:
    """Write down that something of that name happens. Return how often it has, this time included."""
    with (folder() / name).open("ab") as file:
        file.write(b"x")
    return noted(name)


def noted(name: str) -> int:
    """Return how often something of that name has happened."""
    file = folder() / name
    return file.stat().st_size if file.exists() else 0
