"""The signals that ask a process to end: SIGTERM, Ctrl-C, and the terminal that is closed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import final

_NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def on_ending(heard: Callable[[int], None]) -> tuple[signal.Signals, ...]:
    """Call the function with each such signal, in the running event loop; return those that it listens for.

    A signal that is ignored, as ``nohup`` has it, stays ignored.
    """
    loop = asyncio.get_running_loop()
    numbers = tuple(number for number in _NUMBERS if signal.getsignal(number) is not signal.SIG_IGN)
    for number in numbers:
        loop.add_signal_handler(number, heard, number)
    return numbers


def end_tidily() -> None:
    """Until an event loop listens, let those signals do what Ctrl-C does: clear up on the way out."""
    for number in _NUMBERS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


@final
class Stop:
    """The end, as a task hears of it: the first signal asks it to end, the second cancels it, and the third does
    what it does to any program."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._task = asyncio.current_task()
        self._numbers = on_ending(self._heard)

    def _heard(self, number: int) -> None:
        if not self.asked.is_set():
            self.asked.set()
            return
        for each in self._numbers:
            asyncio.get_running_loop().remove_signal_handler(each)
        assert self._task is not None
        self._task.cancel(str(128 + number))
