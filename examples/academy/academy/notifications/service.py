"""Notifications, kept in a database: what is to be written to whom, and what became of it.

    progress ──events──► study ──schedule──► ReminderDue ──► letter ──LetterWritten──► mail server
        └──PhaseCompleted───────────────────────────────────┘

Each arrow is an event and a transaction of its own, so that a mail server that is away holds up nothing but letters.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, final

from sqlalchemy import delete, or_, select

from academy.apart import apart
from academy.catalog.contract import PathRetired
from academy.identity.contract import Learner, Learners
from academy.progress.contract import Enrolled, PathFinished, PhaseCompleted, ResourceCompleted, ResourceUndone
from freestone import Clock, Database, Publisher, Random, current, errors, every, service, subscribe

from . import post, week, writing
from .contract import Letter, LetterKind, Letters, LetterWritten, ReminderDue, SentByMail, Wishes
from .settings import WEEKDAYS, NotificationsSettings, check
from .tables import LetterRow, ReaderRow, StudyRow
from .writing import Draft

AT_ONCE: Final = 500
"""Learners who are reminded in one transaction; the next tick goes on."""
SHOWN: Final = 100
"""Letters that are shown."""


@final
@service
class NotificationsService(Letters):
    """Writes to learners, and keeps who wants no letters."""

    db: Database
    events: Publisher
    learners: Learners
    clock: Clock
    random: Random
    settings: NotificationsSettings

    async def start(self) -> None:
        """Check the settings."""
        check(self.settings)

    async def wishes(self, learner: str) -> Wishes:
        _check_caller(learner)
        row = await self.db.get(ReaderRow, learner)
        return Wishes(letters=row is None or row.wants)

    async def wish(self, learner: str, letters: bool) -> Wishes:
        _check_caller(learner)
        row = await self._reader(learner)
        row.wants = letters
        return Wishes(letters=letters)

    async def unsubscribe(self, token: str) -> None:
        row = await self.db.scalar(select(ReaderRow).where(ReaderRow.token == token))
        if row is None:
            raise errors.NotFound("no letter has such a link")
        row.wants = False

    async def kept(self, learner: str) -> tuple[Letter, ...]:
        _check_caller(learner)
        if self.settings.smtp_host:
            raise SentByMail("letters are sent by mail")
        rows = await self.db.scalars(
            select(LetterRow)
            .where(LetterRow.learner == learner)
            .order_by(LetterRow.written_at.desc(), LetterRow.id)
            .limit(SHOWN)
        )
        return tuple(
            Letter(
                id=row.id,
                kind=LetterKind(row.kind),
                subject=row.subject,
                text=row.text,
                html=row.html,
                written_at=row.written_at,
            )
            for row in rows
        )

    @subscribe(Enrolled, start="beginning")
    async def begin_study(self, event: Enrolled) -> None:
        """Know that a learner takes a path."""
        await self._moved(event.learner, event.path, event.title, 0, event.total, False, event.at)

    @subscribe(ResourceCompleted, start="beginning")
    async def move_on(self, event: ResourceCompleted) -> None:
        """Know that a learner goes on, and need not be reminded."""
        await self._moved(event.learner, event.path, event.title, event.done, event.total, event.finished, event.at)

    @subscribe(ResourceUndone, start="beginning")
    async def move_back(self, event: ResourceUndone) -> None:
        """Know that a learner is at it."""
        await self._moved(event.learner, event.path, event.title, event.done, event.total, False, event.at)

    @subscribe(PathFinished, start="beginning")
    async def end_study(self, event: PathFinished) -> None:
        """Know that a learner has arrived."""
        await self._moved(event.learner, event.path, event.title, event.total, event.total, True, event.at)

    @subscribe(PathRetired, start="beginning")
    async def forget_path(self, event: PathRetired) -> None:
        """Remind nobody of what is not taught any more."""
        await self.db.execute(delete(StudyRow).where(StudyRow.path == event.path, StudyRow.moved_at <= event.at))

    @subscribe(PhaseCompleted)
    async def congratulate(self, event: PhaseCompleted) -> None:
        """Write to a learner who has finished a phase."""
        learner = await self._addressee(event.learner)
        if learner is None:
            return
        reader = await self._reader(learner.id)
        draft = writing.phase_finished(
            self.settings.site,
            reader.token,
            learner.name,
            event.path,
            event.title,
            event.phase,
            event.phase_title,
            event.following,
        )
        letter = writing.letter_id("phase", event.learner, event.path, event.phase_title)
        await self._write(letter, LetterKind.PHASE_FINISHED, reader, draft)

    @subscribe(ReminderDue)
    async def remind(self, event: ReminderDue) -> None:
        """Write to a learner who has stopped."""
        learner = await self._addressee(event.learner)
        if learner is None:
            return
        rows = await self.db.scalars(
            select(StudyRow)
            .where(StudyRow.learner == event.learner, StudyRow.finished.is_(False), StudyRow.moved_at <= self._idle())
            .order_by(StudyRow.moved_at.desc(), StudyRow.path)
        )
        stopped = [writing.Stopped(row.path, row.title, row.done, row.total) for row in rows]
        if not stopped:
            return
        reader = await self._reader(learner.id)
        draft = writing.reminder(self.settings.site, reader.token, learner.name, stopped)
        letter = writing.letter_id("reminder", event.learner, event.week)
        await self._write(letter, LetterKind.REMINDER, reader, draft)

    @subscribe(LetterWritten, on_failure="skip", tries=12)
    async def deliver(self, event: LetterWritten) -> None:
        """Hand a letter over to the mail server; where there is none, it is kept."""
        found = await apart(self._waiting(event.letter))
        if found is None:
            return
        row, reader = found
        outcome, reason = await self._send(row, reader)
        again = await self.db.get(LetterRow, event.letter)
        if again is not None:
            again.outcome, again.reason = outcome, reason
            again.sent_at = self.clock.now() if outcome == "sent" else None

    @every("5m")
    async def look_for_stopped(self) -> None:
        """Have those reminded who stopped, if it is the time of the week; and forget letters of long ago."""
        now = self.clock.now()
        settings = self.settings
        old = now - timedelta(days=settings.keep_days)
        await self.db.execute(delete(LetterRow).where(LetterRow.written_at < old))
        since = week.due(now, WEEKDAYS.index(settings.weekday), settings.moment, settings.zone)
        if since is None:
            return
        for learner in await self._stopped(since):
            reader = await self._reader(learner)
            if week.may_remind(now, since, reader.reminded_at):
                reader.reminded_at = now
                reader.reminders += 1
                self.events.publish(ReminderDue(learner=learner, week=since.date().isoformat()))

    async def _stopped(self, since: datetime) -> list[str]:
        """Return who may be reminded now, some of them if they are many."""
        rows = await self.db.scalars(
            select(StudyRow.learner)
            .distinct()
            .outerjoin(ReaderRow, ReaderRow.learner == StudyRow.learner)
            .where(StudyRow.finished.is_(False), StudyRow.moved_at <= self._idle(), self.settings.reminders > 0)
            .where(
                or_(
                    ReaderRow.learner.is_(None),
                    ReaderRow.wants.is_(True)
                    & (ReaderRow.reminders < self.settings.reminders)
                    & or_(ReaderRow.reminded_at.is_(None), ReaderRow.reminded_at < since - week.APART),
                )
            )
            .order_by(StudyRow.learner)
            .limit(AT_ONCE)
        )
        return list(rows)

    def _idle(self) -> datetime:
        return self.clock.now() - timedelta(days=self.settings.idle_days)

    async def _moved(
        self, learner: str, path: str, title: str, done: int, total: int, finished: bool, at: datetime
    ) -> None:
        """Note how far a learner is. Of two events the later one counts, in whatever order they come."""
        row = await self.db.get(StudyRow, (learner, path))
        if row is None:
            row = StudyRow(learner=learner, path=path, moved_at=at)
            self.db.add(row)
        elif row.moved_at > at:
            return
        row.title, row.done, row.total, row.finished, row.moved_at = title, done, total, finished, at
        reader = await self.db.get(ReaderRow, learner)
        if reader is not None and reader.reminded_at is not None and reader.reminded_at < at:
            reader.reminders = 0

    async def _addressee(self, learner: str) -> Learner | None:
        """Return whom to write to; None if there is no such learner, or no address."""
        try:
            found = await self.learners.learner(learner)
        except errors.NotFound:
            return None
        return found if found.email else None

    async def _reader(self, learner: str) -> ReaderRow:
        row = await self.db.get(ReaderRow, learner)
        if row is None:
            token = self.random.randbytes(20).hex()
            row = ReaderRow(learner=learner, wants=True, token=token, reminded_at=None, reminders=0)
            self.db.add(row)
            await self.db.flush()
        return row

    async def _write(self, letter: str, kind: LetterKind, reader: ReaderRow, draft: Draft) -> None:
        """Keep a letter, to be sent; unless it is not wanted, or is there already."""
        if not reader.wants or await self.db.get(LetterRow, letter) is not None:
            return
        self.db.add(
            LetterRow(
                id=letter,
                learner=reader.learner,
                kind=kind.value,
                subject=draft.subject,
                text=draft.text,
                html=draft.html,
                written_at=self.clock.now(),
                sent_at=None,
                outcome="written",
                reason="",
            )
        )
        self.events.publish(LetterWritten(letter=letter, learner=reader.learner))

    async def _waiting(self, letter: str) -> tuple[LetterRow, ReaderRow] | None:
        """Return a letter that waits to be sent, with whom it is for; in a transaction that is over then."""
        async with self.db.transaction():
            row = await self.db.get(LetterRow, letter)
            if row is None or row.outcome != "written":
                return None
            return row, await self._reader(row.learner)

    async def _send(self, row: LetterRow, reader: ReaderRow) -> tuple[str, str]:
        """Return what becomes of a letter. Raises Unavailable if that can't be said yet."""
        learner = await self._addressee(row.learner)
        if learner is None or not reader.wants:
            return "unwanted", ""
        if not self.settings.smtp_host:
            return "kept", ""
        mail = post.mail(
            row.id,
            row.subject,
            row.text,
            row.html,
            (learner.name, learner.email),
            row.written_at,
            writing.unsubscribe_address(self.settings.site, reader.token),
            self.settings,
        )
        try:
            await post.hand_over(mail, self.settings)
        except post.Refused as refusal:
            return "refused", str(refusal)
        return "sent", ""


def _check_caller(learner: str) -> None:
    """Raise PermissionDenied if the call is made on behalf of another person."""
    context = current()
    if context is not None and context.identity is not None and context.identity.subject != learner:
        raise errors.PermissionDenied("letters are only for the learner to see and to turn off")
