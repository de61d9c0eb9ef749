"""What brokers announce while a test runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from freestone.signals import EventsAppended, ReadingResumed, Signal


@dataclass
class Heard:
    """The signals that were announced."""

    appended: list[EventsAppended] = field(default_factory=list)
    resumed: list[ReadingResumed] = field(default_factory=list)

    def __call__(self, signal: Signal) -> None:
        if isinstance(signal, EventsAppended):
            self.appended.append(signal)
        elif isinstance(signal, ReadingResumed):
            self.resumed.append(signal)
