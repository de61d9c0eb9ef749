"""What notifications promises.

A learner who has an email address gets a letter when a phase is finished, and once a week, at most, when they have
stopped in the middle of a path. Each letter has a link that turns letters off.
"""

from __future__ import annotations

import enum
from datetime import datetime

from freestone import Contract, Event, Message, command, errors, query


class LetterKind(enum.Enum):
    """What a letter is about."""

    PHASE_FINISHED = "phase-finished"
    REMINDER = "reminder"


class Wishes(Message):
    """What a learner wants to be written."""

    letters: bool = True


class Letter(Message):
    """A letter that was written."""

    id: str
    kind: LetterKind
    subject: str
    text: str
    """Plain text."""
    html: str
    """The same as a page, which loads nothing from anywhere."""
    written_at: datetime


class SentByMail(errors.FailedPrecondition):
    """Letters are sent by mail here, and not kept to be shown."""


class LetterWritten(Event, key="learner"):
    """A letter waits to be sent."""

    letter: str
    learner: str


class ReminderDue(Event, key="learner"):
    """A learner has stopped, and is to be reminded."""

    learner: str
    week: str
    """The day from which the reminder is due, as ``2026-11-23``; there is one reminder a week."""


class Letters(Contract):
    """Letters to learners."""

    @query
    async def wishes(self, learner: str) -> Wishes:
        """Return what the learner wants to be written."""
        ...

    @command
    async def wish(self, learner: str, letters: bool) -> Wishes:
        """Turn the learner's letters on or off."""
        ...

    @command
    async def unsubscribe(self, token: str) -> None:
        """Turn off the letters of the learner whose letters have that token. Raises NotFound if nobody's have."""
        ...

    @query(raises=[SentByMail])
    async def kept(self, learner: str) -> tuple[Letter, ...]:
        """Return the learner's letters, the latest first. Raises SentByMail where they are really sent."""
        ...
