"""The life of one replica of a process, as a table.

    stopped ─start→ starting ─ready→ running ─drain→ draining ─exited→ stopped
                     │    ↑            │                │
                   exited └─elapsed─┐ exited         elapsed
                     ↓              │  ↓                ↓
                     └───────────→ backing off       killing ─exited→ stopped

    starting ─refused→ failed: it says that to start it again would change nothing

The table is all there is: what is not in it does not happen (an event that comes too late, such as ``ready``
from a process that is being killed, changes nothing).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType


class State(enum.StrEnum):
    """What a replica is doing. The values are what people read in ``freestone ps``."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    BACKING_OFF = "backing off"
    DRAINING = "draining"
    KILLING = "killing"
    FAILED = "failed"


class Event(enum.Enum):
    """What happens to a replica."""

    START = enum.auto()
    READY = enum.auto()
    """The process serves."""
    EXITED = enum.auto()
    """The process is gone, however it ended."""
    REFUSED = enum.auto()
    """The process is gone, with the exit status that says that its configuration is wrong."""
    ELAPSED = enum.auto()
    """The time that was set with the last action is over."""
    DRAIN = enum.auto()
    KILL = enum.auto()


class Action(enum.Enum):
    """What the shell around the table has to do."""

    SPAWN = enum.auto()
    WAIT = enum.auto()
    TERMINATE = enum.auto()
    KILL = enum.auto()
    REST = enum.auto()
    """Nothing, and forget the time that was set."""


LIVE = frozenset({State.STARTING, State.RUNNING, State.DRAINING, State.KILLING})
"""The states in which there is an operating-system process."""

SETTLED = frozenset({State.STOPPED, State.FAILED})
"""The states that a replica stays in until it is started."""

TRANSITIONS: Mapping[tuple[State, Event], tuple[State, Action]] = MappingProxyType(
    {
        (State.STOPPED, Event.START): (State.STARTING, Action.SPAWN),
        (State.STARTING, Event.READY): (State.RUNNING, Action.REST),
        (State.STARTING, Event.EXITED): (State.BACKING_OFF, Action.WAIT),
        (State.STARTING, Event.REFUSED): (State.FAILED, Action.REST),
        (State.STARTING, Event.DRAIN): (State.DRAINING, Action.TERMINATE),
        (State.STARTING, Event.KILL): (State.KILLING, Action.KILL),
        (State.RUNNING, Event.EXITED): (State.BACKING_OFF, Action.WAIT),
        (State.RUNNING, Event.REFUSED): (State.BACKING_OFF, Action.WAIT),
        (State.RUNNING, Event.DRAIN): (State.DRAINING, Action.TERMINATE),
        (State.RUNNING, Event.KILL): (State.KILLING, Action.KILL),
        (State.BACKING_OFF, Event.ELAPSED): (State.STARTING, Action.SPAWN),
        (State.BACKING_OFF, Event.DRAIN): (State.STOPPED, Action.REST),
        (State.BACKING_OFF, Event.KILL): (State.STOPPED, Action.REST),
        (State.DRAINING, Event.EXITED): (State.STOPPED, Action.REST),
        (State.DRAINING, Event.REFUSED): (State.STOPPED, Action.REST),
        (State.DRAINING, Event.ELAPSED): (State.KILLING, Action.KILL),
        (State.DRAINING, Event.KILL): (State.KILLING, Action.KILL),
        (State.KILLING, Event.EXITED): (State.STOPPED, Action.REST),
        (State.KILLING, Event.REFUSED): (State.STOPPED, Action.REST),
    }
)
