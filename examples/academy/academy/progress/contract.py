"""What progress promises.

A resource is *done*, *open* or *locked*; it is locked while something that it needs is not done. Every
command answers with the learner's new standing in the path, so that a page can show it at once. Each may be
repeated: to enrol twice, or to complete what is done, changes nothing.
"""

from __future__ import annotations

import enum
from datetime import datetime

from freestone import Contract, Event, Message, command, errors, query


class State(enum.Enum):
    """Where a resource stands for a learner."""

    DONE = "done"
    OPEN = "open"
    LOCKED = "locked"


class Need(Message):
    """A resource that must be done first, and is not."""

    slug: str
    title: str


class ResourceStanding(Message):
    """One resource, for one learner."""

    slug: str
    title: str
    kind: str
    minutes: int
    state: State
    needs: tuple[Need, ...] = ()
    """Why it is locked: what is still to be done first. Empty unless it is locked."""
    done_at: datetime | None = None
    """When the learner completed it; None unless it is done."""


class PhaseStanding(Message):
    """One phase, for one learner."""

    number: int
    title: str
    resources: tuple[ResourceStanding, ...]
    complete: bool
    """Whether all its resources are done."""
    locked: bool
    """Whether all its resources are locked."""


class CheckStanding(Message):
    """One box of the completion checklist, for one learner."""

    slug: str
    text: str
    ticked: bool
    phase: int | None = None
    """The number of the phase whose completion ticks the box; None if the learner ticks it."""


class Standing(Message):
    """How far a learner is in a path."""

    learner: str
    path: str
    """The slug of the path."""
    title: str
    enrolled_at: datetime
    phases: tuple[PhaseStanding, ...]
    checklist: tuple[CheckStanding, ...]
    next: str | None
    """The slug of the first open resource; None when all are done."""
    done: int
    """How many resources are done."""
    total: int
    """How many resources the path has."""
    percent: int
    """Of the resources, rounded down: 100 only when all are done."""
    minutes_spent: int
    """The durations of what is done, together."""
    minutes_left: int
    """The durations of the rest, together."""
    finished: bool
    """Whether all resources are done and all boxes ticked."""


class Enrolment(Message):
    """One of a learner's paths, as a list of them shows it."""

    path: str
    """The slug of the path."""
    title: str
    enrolled_at: datetime
    done: int
    total: int
    percent: int
    minutes_left: int
    next: str | None
    """The slug of the first open resource; None when all are done."""
    finished: bool


class Enrolled(Event, key="learner"):
    """A learner takes a path."""

    learner: str
    path: str
    title: str
    """The title of the path."""
    total: int
    """How many resources it has."""
    at: datetime


class ResourceCompleted(Event, key="learner"):
    """A learner has done a resource."""

    learner: str
    path: str
    title: str
    resource: str
    """The slug of the resource."""
    done: int
    """How many are done now."""
    total: int
    finished: bool
    """Whether the path is finished with it."""
    at: datetime


class ResourceUndone(Event, key="learner"):
    """A learner has taken back that a resource is done."""

    learner: str
    path: str
    title: str
    resource: str
    done: int
    total: int
    at: datetime


class PhaseCompleted(Event, key="learner"):
    """A learner has done all of a phase for the first time: with a resource, or with a new edition that asks for less.

    Announced once for each phase of that title, also when a resource is undone and done again.
    """

    learner: str
    path: str
    title: str
    phase: int
    """The number of the phase."""
    phase_title: str
    following: str
    """The title of the resource to go on with; empty if there is none."""
    at: datetime


class PathFinished(Event, key="learner"):
    """A learner has finished a path: all resources are done, and all boxes ticked. Announced once."""

    learner: str
    path: str
    title: str
    total: int
    at: datetime


class NotEnrolled(errors.FailedPrecondition):
    """The learner is not enrolled in the path."""

    path: str


class Locked(errors.FailedPrecondition):
    """The resource needs others first."""

    needs: tuple[Need, ...]


class NeededByOthers(errors.FailedPrecondition):
    """What is done rests on the resource, so it can't be undone before that."""

    by: tuple[Need, ...]
    """The done resources that need it directly."""


class TicksItself(errors.FailedPrecondition):
    """The box follows a phase; nobody can tick or untick it."""

    phase: int


class Progress(Contract):
    """How far each learner is."""

    @query
    async def enrolments(self, learner: str) -> tuple[Enrolment, ...]:
        """Return the learner's paths, the latest enrolment first; empty if there are none."""
        ...

    @query(raises=[NotEnrolled])
    async def standing(self, learner: str, path: str) -> Standing:
        """Return how far the learner is in the path. Raises NotFound for the path, or NotEnrolled."""
        ...

    @command
    async def enrol(self, learner: str, path: str) -> Standing:
        """Enrol the learner in the path. Raises NotFound if there is no such path."""
        ...

    @command(raises=[NotEnrolled, Locked])
    async def complete(self, learner: str, path: str, resource: str) -> Standing:
        """Record a resource as done. Raises NotFound, NotEnrolled, or Locked with what it needs first."""
        ...

    @command(raises=[NotEnrolled, NeededByOthers])
    async def undo(self, learner: str, path: str, resource: str) -> Standing:
        """Take back that a resource is done.

        Raises NotFound, NotEnrolled, or NeededByOthers with what to undo before it: nothing else is undone
        silently. To undo what is not done changes nothing.
        """
        ...

    @command(raises=[NotEnrolled, TicksItself])
    async def tick(self, learner: str, path: str, item: str) -> Standing:
        """Tick a box. Raises NotFound, NotEnrolled, or TicksItself if the box follows a phase."""
        ...

    @command(raises=[NotEnrolled, TicksItself])
    async def untick(self, learner: str, path: str, item: str) -> Standing:
        """Take the tick back. Raises as ``tick`` does."""
        ...
