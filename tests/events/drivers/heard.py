"""What brokers announce while a test runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from freestone.signals import EventsAppended, EventsSent, ReadingResumed, Signal


@dataclass
class Heard:
    """The signals that were announced."""

    appended: list[EventsAppended] = field(default_factory=list)
    told: list[EventsSent | EventsAppended] = field(default_factory=list)
    """Both what has left and what was acknowledged, in that order."""
    resumed: list[ReadingResumed] = field(default_factory=list)

    def __call__(self, signal: Signal) -> None:
        if isinstance(signal, EventsSent | EventsAppended):
            self.told.append(signal)
        if isinstance(signal, EventsAppended):
            self.appended.append(signal)
        elif isinstance(signal, ReadingResumed):
            self.resumed.append(signal)
