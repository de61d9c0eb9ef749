"""A server of a benchmark in a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple


class Callee(NamedTuple):
    """A process that serves."""

    pid: int
    said: str
    """The line that it has printed when it was ready."""


@contextlib.contextmanager
def callee(module: str, *words: str) -> Iterator[Callee]:
    """Run ``python -m MODULE serve WORD…`` for a block, from the moment when it has printed a line."""
    process = subprocess.Popen([sys.executable, "-m", module, "serve", *words], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline().strip()
        if not said:
            raise SystemExit(f"{module} did not start to serve")
        yield Callee(process.pid, said)
    finally:
        process.kill()
        process.communicate()
