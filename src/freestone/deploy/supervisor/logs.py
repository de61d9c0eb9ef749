"""The log lines of many processes on one terminal: each whole, each with the name of the process before it.

Lines are written by a thread. A terminal that is paused, or a reader of the pipe that is slow, then holds up
neither restarts nor draining; when too many lines wait, the pipes of the children are not read until there is
room again.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TextIO, final

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red", "bright_cyan", "bright_magenta")
_HIGH, _LOW = 4 * 1024 * 1024, 1024 * 1024
"""Characters that wait to be written: above the first the sources are held up, below the second they go
on.
"""


@final
class Logs:
    """Writes prefixed lines to two streams, in the order in which they come.

    ``names`` are the names that will stand before the lines; they are padded to one width, and each gets a
    colour on a stream that is a terminal. ``flow`` is called, from any thread, with False when lines come
    faster than they can be written, and with True when they may come again.
    """

    def __init__(
        self, names: Sequence[str], out: TextIO, err: TextIO, *, flow: Callable[[bool], None] = lambda _: None
    ) -> None:
        self._prefixes = {stream: _prefixes(names, stream) for stream in (out, err)}
        self._out, self._err = out, err
        self.flow = flow
        self._waiting: deque[tuple[TextIO, str]] = deque()
        self._size = 0
        self._held = False
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write, name="logs", daemon=True)
        self._thread.start()

    def line(self, name: str, text: str, *, error: bool = False) -> None:
        """Write one line, to the second stream if ``error``. Does not wait."""
        stream = self._err if error else self._out
        with self._changed:
            line = f"{self._prefixes[stream][name]}{text}\n"
            self._waiting.append((stream, line))
            self._size += len(line)
            if hold := self._size > _HIGH and not self._held:
                self._held = True
            self._changed.notify()
        if hold:
            self.flow(False)

    def close(self, seconds: float) -> bool:
        """Write what waits, for at most that long; return whether everything was written."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                lines, self._waiting = self._waiting, deque()
            for stream, line in lines:
                # A reader that has gone (`freestone run | head`) is no reason to stop serving.
                with contextlib.suppress(OSError, ValueError):
                    stream.write(line)
                self._written(len(line))
            for stream in (self._out, self._err):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()

    def _written(self, size: int) -> None:
        with self._changed:
            self._size -= size
            if resume := self._held and self._size < _LOW:
                self._held = False
        if resume:
            self.flow(True)


def _prefixes(names: Sequence[str], stream: TextIO) -> dict[str, str]:
    width = max((len(name) for name in names), default=0)
    plain = {name: f"{name:<{width}} | " for name in names}
    return _coloured(plain, stream) if stream.isatty() else plain


def _coloured(plain: dict[str, str], stream: TextIO) -> dict[str, str]:
    from rich.console import Console  # only a terminal needs it, and it takes long to import
    from rich.text import Text

    console = Console(file=stream)
    processes = list(dict.fromkeys(name.rpartition(".")[0] or name for name in plain))
    coloured: dict[str, str] = {}
    for name, prefix in plain.items():
        colour = _COLOURS[processes.index(name.rpartition(".")[0] or name) % len(_COLOURS)]
        with console.capture() as capture:
            console.print(Text(prefix, style=colour), end="", soft_wrap=True)
        coloured[name] = capture.get()
    return coloured
