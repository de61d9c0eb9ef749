"""Notifications, on a database of their own, with a real mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from academy.catalog.contract import PathRetired
from academy.catalog.service import CatalogService
from academy.identity.contract import Learner, Learners
from academy.identity.service import IdentityService
from academy.notifications.contract import LetterKind, Letters, LetterWritten, ReminderDue, SentByMail
from academy.notifications.service import NotificationsService
from academy.notifications.settings import NotificationsSettings
from academy.notifications.tables import Base, LetterRow
from academy.progress.contract import Enrolled, PathFinished, PhaseCompleted, ResourceCompleted, ResourceUndone
from academy.progress.service import ProgressService
from freestone import Identity, Publisher, acting_as, errors, local
from freestone.app import StartError
from freestone.data import Database, drift
from freestone.testing import FakeClock, announced, fake, fake_random

from .mailserver import MailServer, nowhere

MONDAY = datetime(2030, 1, 7, 9, tzinfo=UTC)
WEEK = timedelta(days=7)
SERVICES: Mapping[str, type[Any]] = {
    "catalog": CatalogService,
    "progress": ProgressService,
    "identity": IdentityService,
    "notifications": NotificationsService,
}
"""Notifications with those whom it hears."""
FINISHED = PhaseCompleted(
    learner="ada", path="tea", title="Tea", phase=1, phase_title="Leaves", following="Hot water", at=MONDAY
)


@dataclass
class House:
    """Notifications made by hand, with the learners of a test."""

    db: Database
    clock: FakeClock
    learners: dict[str, Learner]
    settings: NotificationsSettings = field(default_factory=NotificationsSettings)
    chance: Any = field(default_factory=lambda: fake_random(1))

    @property
    def service(self) -> NotificationsService:
        return NotificationsService(
            db=self.db,
            events=Publisher(self.db),
            learners=fake(Learners, learner=self._learner),
            clock=self.clock,
            random=self.chance,
            settings=self.settings,
        )

    def _learner(self, learner: str) -> Learner:
        if learner not in self.learners:
            raise errors.NotFound(f"there is no learner {learner}")
        return self.learners[learner]

    async def hear(self, *events: Any) -> None:
        """Have each event handled, in a transaction, as a subscription does."""
        handlers = {
            Enrolled: self.service.begin_study,
            ResourceCompleted: self.service.move_on,
            ResourceUndone: self.service.move_back,
            PathFinished: self.service.end_study,
            PathRetired: self.service.forget_path,
            PhaseCompleted: self.service.congratulate,
            ReminderDue: self.service.remind,
            LetterWritten: self.service.deliver,
        }
        for event in events:
            async with self.db.transaction():
                await handlers[type(event)](event)

    async def look(self) -> list[ReminderDue]:
        """Have it looked for who has stopped; return who is to be reminded, all of them so far."""
        async with self.db.transaction():
            await self.service.look_for_stopped()
        return await announced(self.db, ReminderDue)

    async def at(self, moment: datetime) -> None:
        """Wait until then."""
        self.clock.advance((moment - self.clock.now()).total_seconds())

    async def letters(self) -> list[LetterRow]:
        async with self.db.transaction():
            return list(await self.db.scalars(select(LetterRow).order_by(LetterRow.written_at)))

    async def write_and_deliver(self) -> None:
        await self.hear(FINISHED, *(await announced(self.db, LetterWritten)))
        await self.hear(*(await announced(self.db, LetterWritten)))

    def by_mail(self, port: int, seconds: float = 10.0) -> None:
        self.settings = replace(
            self.settings, smtp_host="127.0.0.1", smtp_port=port, smtp_starttls=False, smtp_seconds=seconds
        )


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """Two learners, of whom one has an address; it is Monday morning."""
    async with Database.temporary(Base.metadata) as db:
        clock = FakeClock()
        learners = {
            "ada": Learner(id="ada", name="Ada", email="ada@example.org"),
            "bob": Learner(id="bob", name="Bob"),
        }
        it = House(db, clock, learners)
        await it.at(MONDAY)
        yield it


def studied(learner: str = "ada", path: str = "tea", done: int = 1, at: datetime = MONDAY) -> ResourceCompleted:
    return ResourceCompleted(
        learner=learner, path=path, title=path.title(), resource="x", done=done, total=3, finished=False, at=at
    )


async def test_a_finished_phase_is_written_about(house: House) -> None:
    """One letter, however often the event comes."""
    await house.hear(FINISHED, FINISHED)
    (letter,) = await house.letters()
    assert (letter.learner, letter.kind, letter.subject) == (
        "ada", LetterKind.PHASE_FINISHED.value, "Phase 1 of “Tea” is finished",
    )  # fmt: skip
    assert await announced(house.db, LetterWritten) == [LetterWritten(letter=letter.id, learner="ada")]


@pytest.mark.parametrize("learner", ["bob", "nobody"])
async def test_who_has_no_address_gets_no_letter(house: House, learner: str) -> None:
    """Neither does somebody who is not there."""
    await house.hear(replace(FINISHED, learner=learner))
    assert await house.letters() == []


async def test_a_letter_is_sent_once(house: House, server: MailServer) -> None:
    """Also when the event that it waits comes again."""
    house.by_mail(server.port)
    await house.write_and_deliver()
    await house.hear(*(await announced(house.db, LetterWritten)))
    (mail,) = server.received
    (letter,) = await house.letters()
    assert (letter.outcome, letter.sent_at) == ("sent", MONDAY)
    assert mail["Message-ID"] == f"<{letter.id}@localhost>"
    assert server.recipients == ["ada@example.org"]


async def test_the_link_in_a_letter_turns_letters_off(house: House, server: MailServer) -> None:
    """Its token, from the header that a mail program follows, is enough; no sign-in."""
    house.by_mail(server.port)
    await house.write_and_deliver()
    token = str(server.received[0]["List-Unsubscribe"]).rstrip(">").rpartition("/")[2]
    assert len(token) == 40
    assert token in server.received[0].as_string()
    async with house.db.transaction():
        await house.service.unsubscribe(token)
    async with house.db.transaction():
        assert not (await house.service.wishes("ada")).letters
        with pytest.raises(errors.NotFound):
            await house.service.unsubscribe("made up")
    await house.hear(replace(FINISHED, phase_title="Water"))
    assert len(await house.letters()) == 1


async def test_who_wants_no_more_letters_gets_none_that_was_written_already(house: House, server: MailServer) -> None:
    """As one that waited for a mail server that was away."""
    house.by_mail(server.port)
    await house.hear(FINISHED)
    async with house.db.transaction():
        await house.service.wish("ada", False)
    await house.hear(*(await announced(house.db, LetterWritten)))
    (letter,) = await house.letters()
    assert (letter.outcome, server.received) == ("unwanted", [])


async def test_a_refused_letter_is_not_tried_again(house: House, server: MailServer) -> None:
    """What the server said is kept with it."""
    house.by_mail(server.port)
    server.answers["RCPT"] = ["550 5.1.1 no such user"]
    await house.write_and_deliver()
    await house.hear(*(await announced(house.db, LetterWritten)))
    (letter,) = await house.letters()
    assert (letter.outcome, letter.reason) == ("refused", "550 5.1.1 no such user")
    assert server.asked == 1


async def test_a_letter_waits_for_a_server_that_is_away_busy_or_slow(house: House, server: MailServer) -> None:
    """Each failure is the event's, which is tried again; when the server is there the letter arrives, once."""
    house.by_mail(nowhere())
    with pytest.raises(errors.Unavailable):
        await house.write_and_deliver()
    events = await announced(house.db, LetterWritten)
    house.by_mail(server.port, seconds=0.3)
    server.answers["DATA"] = ["452 4.3.1 the disk is full"]
    with pytest.raises(errors.Unavailable, match="the disk is full"):
        await house.hear(*events)
    server.hangs = True
    with pytest.raises(errors.Unavailable):
        await house.hear(*events)
    server.hangs = False
    house.by_mail(server.port)
    (letter,) = await house.letters()
    assert letter.outcome == "written"
    await house.hear(*events)
    (letter,) = await house.letters()
    assert (letter.outcome, len(server.received)) == ("sent", 1)


async def test_nothing_is_locked_while_a_server_takes_its_time(house: House, server: MailServer) -> None:
    """A letter is looked up before, and its outcome written after; so others go on meanwhile."""
    house.by_mail(server.port)
    await house.hear(FINISHED)
    wishes = []

    async def meanwhile() -> None:
        async with house.db.transaction():
            wishes.append(await house.service.wish("bob", False))

    server.meanwhile = meanwhile
    await house.hear(*(await announced(house.db, LetterWritten)))
    assert len(wishes) == 1
    assert len(server.received) == 1


async def test_without_a_mail_server_letters_are_kept_for_their_learner(house: House) -> None:
    """The latest first, and nobody else's."""
    await house.write_and_deliver()
    house.clock.advance(60)
    await house.hear(replace(FINISHED, phase=2, phase_title="Water"), replace(FINISHED, learner="bob"))
    async with house.db.transaction():
        assert [it.subject for it in await house.service.kept("ada")] == [
            "Phase 2 of “Tea” is finished",
            "Phase 1 of “Tea” is finished",
        ]
        assert await house.service.kept("bob") == ()
    (letter, _) = await house.letters()
    assert (letter.outcome, letter.sent_at) == ("kept", None)


async def test_with_a_mail_server_nobody_is_shown_letters(house: House) -> None:
    """They are in mailboxes."""
    house.by_mail(25)
    async with house.db.transaction():
        with pytest.raises(SentByMail):
            await house.service.kept("ada")


async def test_who_stopped_is_reminded_once_a_week_and_only_so_often(house: House) -> None:
    """At the time of the week, in one letter for all paths; and no more after four that changed nothing."""
    await house.hear(studied(), studied(path="coffee"), studied("bob"))
    await house.at(MONDAY + timedelta(days=6))
    assert await house.look() == []
    for week in range(1, 7):
        for minutes in (-1, 0, 5, 600):
            await house.at(MONDAY + week * WEEK + timedelta(minutes=minutes))
            due = await house.look()
            assert len([it for it in due if it.learner == "ada"]) == min(week - (minutes < 0), 4)
    assert {it.learner for it in due} == {"ada", "bob"}
    await house.hear(*due)
    letters = await house.letters()
    assert {it.learner for it in letters} == {"ada"}
    assert [it.kind for it in letters] == [LetterKind.REMINDER.value] * 4
    assert "Tea, 1 of 3 done" in letters[0].text
    assert "Coffee, 1 of 3 done" in letters[0].text


async def test_who_comes_back_may_be_reminded_anew(house: House) -> None:
    """Progress starts the count again."""
    await house.hear(studied())
    for week in range(1, 6):
        await house.at(MONDAY + week * WEEK)
        due = await house.look()
    assert len(due) == 4
    await house.hear(studied(done=2, at=house.clock.now()))
    await house.at(MONDAY + 6 * WEEK + timedelta(hours=1))
    assert len(await house.look()) == 5


async def test_who_goes_on_has_finished_or_wants_no_letters_is_not_reminded(house: House) -> None:
    """Only who stopped in the middle is."""
    await house.hear(studied("a"), studied("b"), studied("c"), studied("d"), studied("e"))
    await house.at(MONDAY + WEEK)
    recently = house.clock.now() - timedelta(hours=1)
    await house.hear(
        studied("a", done=2, at=recently),
        PathFinished(learner="b", path="tea", title="Tea", total=3, at=MONDAY + timedelta(hours=1)),
        ResourceUndone(learner="c", path="tea", title="Tea", resource="x", done=0, total=3, at=recently),
    )
    async with house.db.transaction():
        await house.service.wish("d", False)
    assert [it.learner for it in await house.look()] == ["e"]
    house.settings = replace(house.settings, reminders=0)
    await house.at(MONDAY + 2 * WEEK)
    assert len(await house.look()) == 1


async def test_of_two_events_the_later_counts_in_whatever_order_they_come(house: House) -> None:
    """Each kind of event has a position of its own in the log."""
    later = MONDAY + timedelta(hours=1)
    enrolled = Enrolled(learner="ada", path="tea", title="Tea", total=3, at=MONDAY)
    finished = PathFinished(learner="ada", path="tea", title="Tea", total=3, at=later)
    await house.hear(finished, studied(at=MONDAY), enrolled)
    await house.at(MONDAY + WEEK + timedelta(hours=2))
    assert await house.look() == []


async def test_nobody_is_reminded_of_a_path_that_is_not_taught(house: House) -> None:
    """It is forgotten; what was done after that, when it is taught again, is not."""
    await house.hear(studied(), PathRetired(path="tea", at=MONDAY + timedelta(hours=1)))
    await house.at(MONDAY + WEEK)
    assert await house.look() == []
    await house.hear(studied(at=MONDAY + timedelta(hours=2)), PathRetired(path="tea", at=MONDAY))
    await house.at(MONDAY + 2 * WEEK)
    assert len(await house.look()) == 1


async def test_who_went_on_before_the_reminder_was_written_gets_none(house: House) -> None:
    """Between the two, hours may pass."""
    await house.hear(studied())
    await house.at(MONDAY + WEEK)
    due = await house.look()
    await house.hear(studied(done=2, at=house.clock.now()), *due)
    assert await house.letters() == []


async def test_letters_of_long_ago_are_forgotten(house: House) -> None:
    """Nothing grows without bound."""
    await house.hear(FINISHED)
    await house.at(MONDAY + timedelta(days=91))
    await house.look()
    assert await house.letters() == []


async def test_is_nobody_elses_business(tmp_path: Path) -> None:
    """A call on behalf of one learner can't see or change another's letters."""
    async with local(**SERVICES) as application:
        letters = application.client(Letters)
        with acting_as(Identity("bob")):
            for call in (letters.wishes("ada"), letters.wish("ada", False), letters.kept("ada")):
                with pytest.raises(errors.PermissionDenied):
                    await call
            assert await letters.kept("bob") == ()


async def test_does_not_start_with_settings_that_are_wrong() -> None:
    """It says which."""
    settings = {"notifications": NotificationsSettings(time="late")}
    with pytest.raises(StartError, match="“late” is no time of the day"):
        async with local(settings=settings, **SERVICES):
            pass


async def test_has_the_tables_that_its_migrations_make(tmp_path: Path) -> None:
    """Migrations and tables agree."""
    async with local(directory=tmp_path, **SERVICES) as application:
        assert await drift(application.service("notifications").db, Base.metadata) == []
