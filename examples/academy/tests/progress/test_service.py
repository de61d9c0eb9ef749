"""Progress, on a database of its own and a catalog that is a fake."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from academy.catalog.contract import Catalog, ChecklistItem, LearningPath, PathPublished, Phase, Resource
from academy.catalog.service import CatalogService
from academy.progress.contract import (
    Enrolled,
    Locked,
    NeededByOthers,
    NotEnrolled,
    PathFinished,
    PhaseCompleted,
    Progress,
    ResourceCompleted,
    ResourceUndone,
    State,
    TicksItself,
)
from academy.progress.service import ProgressService
from academy.progress.tables import Base, CompletionRow, EnrolmentRow
from freestone import Identity, Publisher, acting_as, errors, local
from freestone.data import Database, drift
from freestone.testing import FakeClock, announced, fake

PATH = "microservices-architecture"
TEA = LearningPath(
    slug="tea",
    title="Tea",
    overview="",
    phases=(
        Phase(
            number=1,
            title="Leaves",
            resources=(
                Resource(slug="green", title="Green", kind="Article", minutes=10),
                Resource(slug="black", title="Black", kind="Article", minutes=20, needs=("green",)),
            ),
        ),
    ),
    checklist=(
        ChecklistItem(slug="one", text="Phase 1 completed", phase=1),
        ChecklistItem(slug="drunk", text="A cup drunk"),
    ),
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def progress(clock: FakeClock) -> AsyncIterator[Progress]:
    """Progress beside the real catalog."""
    async with local(clock=clock, catalog=CatalogService, progress=ProgressService) as application:
        yield application.client(Progress)


async def test_enrols_a_learner_once(progress: Progress, clock: FakeClock) -> None:
    """To enrol again changes nothing, not even since when."""
    first = await progress.enrol("ada", PATH)
    assert (first.learner, first.path, first.title) == ("ada", PATH, "Microservices Architecture")
    assert (first.enrolled_at, first.done, first.minutes_left) == (clock.now(), 0, 285)
    clock.advance(60)
    assert await progress.enrol("ada", PATH) == first


async def test_does_not_enrol_in_a_path_that_there_is_not(progress: Progress) -> None:
    """The catalog's own error arrives."""
    with pytest.raises(errors.NotFound, match="there is no path coffee"):
        await progress.enrol("ada", "coffee")


@pytest.mark.parametrize("method", ["complete", "undo", "tick", "untick"])
async def test_wants_an_enrolment_first(progress: Progress, method: str) -> None:
    """Nothing can be done in a path before the learner is enrolled in it."""
    with pytest.raises(NotEnrolled) as caught:
        await getattr(progress, method)("ada", PATH, "microservices-basics")
    assert caught.value.path == PATH
    with pytest.raises(NotEnrolled):
        await progress.standing("ada", PATH)


async def test_unlocks_phase_2_with_phase_1(progress: Progress, clock: FakeClock) -> None:
    """The path about microservices: phase 2 opens when both resources of phase 1 are done."""
    await progress.enrol("ada", PATH)
    with pytest.raises(Locked) as caught:
        await progress.complete("ada", PATH, "microservices-design")
    assert [need.slug for need in caught.value.needs] == ["microservices-basics", "microservices-vs-monolith"]
    clock.advance(60)
    await progress.complete("ada", PATH, "microservices-basics")
    standing = await progress.complete("ada", PATH, "microservices-vs-monolith")
    assert standing.phases[0].complete
    assert standing.phases[0].resources[0].done_at == clock.now()
    assert standing.next == "microservices-design"
    assert standing.phases[1].resources[0].state is State.OPEN
    assert (standing.minutes_spent, standing.minutes_left, standing.percent) == (75, 210, 28)
    assert await progress.standing("ada", PATH) == standing


async def test_keeps_the_first_time_of_what_is_completed_twice(progress: Progress, clock: FakeClock) -> None:
    """To complete again changes nothing."""
    await progress.enrol("ada", PATH)
    first = await progress.complete("ada", PATH, "microservices-basics")
    clock.advance(60)
    assert await progress.complete("ada", PATH, "microservices-basics") == first


async def test_undoes_in_the_opposite_order(progress: Progress) -> None:
    """What others rest on can't be undone before them, and nothing is undone by itself."""
    await progress.enrol("ada", PATH)
    await progress.complete("ada", PATH, "microservices-basics")
    before = await progress.complete("ada", PATH, "microservices-vs-monolith")
    with pytest.raises(NeededByOthers) as caught:
        await progress.undo("ada", PATH, "microservices-basics")
    assert [need.slug for need in caught.value.by] == ["microservices-vs-monolith"]
    assert await progress.standing("ada", PATH) == before
    await progress.undo("ada", PATH, "microservices-vs-monolith")
    undone = await progress.undo("ada", PATH, "microservices-basics")
    assert (undone.done, undone.minutes_spent) == (0, 0)
    assert await progress.undo("ada", PATH, "microservices-basics") == undone


async def test_ticks_and_unticks_the_learners_own_box(progress: Progress) -> None:
    """The box for supplementary materials is the learner's; a phase's is not."""
    await progress.enrol("ada", PATH)
    item = "supplementary-materials-reviewed"
    for _ in range(2):
        ticked = await progress.tick("ada", PATH, item)
        assert [check.slug for check in ticked.checklist if check.ticked] == [item]
    for _ in range(2):
        assert not any(check.ticked for check in (await progress.untick("ada", PATH, item)).checklist)
    with pytest.raises(TicksItself):
        await progress.tick("ada", PATH, "phase-1-completed")


async def test_lists_the_latest_enrolment_first(clock: FakeClock) -> None:
    """A learner's list has each path with how far it is; another learner's is another."""
    other = LearningPath(slug="coffee", title="Coffee", overview="", phases=TEA.phases)
    catalog = {"tea": TEA, "coffee": other}
    async with local(clock=clock, catalog=CatalogService, progress=ProgressService) as application:
        service: ProgressService = application.service("progress")
        service.catalog = fake(
            Catalog,
            path=catalog.__getitem__,
            several=lambda paths: tuple(catalog[path] for path in paths if path in catalog),
        )
        progress = application.client(Progress)
        await progress.enrol("ada", "tea")
        await progress.complete("ada", "tea", "green")
        clock.advance(1)
        await progress.enrol("ada", "coffee")
        assert [(it.title, it.percent, it.minutes_left) for it in await progress.enrolments("ada")] == [
            ("Coffee", 0, 30),
            ("Tea", 50, 20),
        ]
        assert await progress.enrolments("bob") == ()
        del catalog["tea"]
        assert [it.title for it in await progress.enrolments("ada")] == ["Coffee"]


async def test_is_nobody_elses_business(progress: Progress) -> None:
    """A call on behalf of one learner can't see or change what another has done."""
    with acting_as(Identity("ada")):
        await progress.enrol("ada", PATH)
    with acting_as(Identity("bob")):
        for call in (
            progress.enrolments("ada"),
            progress.standing("ada", PATH),
            progress.enrol("ada", PATH),
            progress.complete("ada", PATH, "microservices-basics"),
            progress.undo("ada", PATH, "microservices-basics"),
            progress.tick("ada", PATH, "supplementary-materials-reviewed"),
            progress.untick("ada", PATH, "supplementary-materials-reviewed"),
        ):
            with pytest.raises(errors.PermissionDenied):
                await call


async def test_writes_nothing_when_the_catalog_is_away() -> None:
    """The catalog is asked before anything is written; its failure is the caller's answer."""

    def away(path: str) -> LearningPath:
        raise errors.Unavailable("the catalog is away")

    async with Database.temporary(Base.metadata) as db, db.transaction():
        progress = ProgressService(db=db, events=Publisher(db), catalog=fake(Catalog, path=away), clock=FakeClock())
        with pytest.raises(errors.Unavailable, match="the catalog is away"):
            await progress.enrol("ada", "tea")


async def test_works_when_it_is_made_by_hand(clock: FakeClock) -> None:
    """A service is an ordinary class: its dependencies are arguments, and a block stands for a call."""
    async with Database.temporary(Base.metadata) as db:
        progress = ProgressService(db=db, events=Publisher(db), catalog=fake(Catalog, path=lambda _: TEA), clock=clock)
        async with db.transaction():
            await progress.enrol("ada", "tea")
        async with db.transaction():
            await progress.complete("ada", "tea", "green")
        async with db.transaction():
            standing = await progress.standing("ada", "tea")
        assert standing.minutes_spent == 10
        assert clock.now() - standing.enrolled_at == timedelta()


@pytest.fixture
async def by_hand(clock: FakeClock) -> AsyncIterator[ByHand]:
    """Progress made by hand, with a path that the test may replace, so that what it announces can be seen."""
    async with Database.temporary(Base.metadata) as db:
        yield ByHand(db, clock)


@dataclass
class ByHand:
    """Progress, its database, and the only path of the catalog."""

    db: Database
    clock: FakeClock
    path: LearningPath | None = TEA

    @property
    def progress(self) -> ProgressService:
        catalog = fake(Catalog, path=self._path)
        return ProgressService(db=self.db, events=Publisher(self.db), catalog=catalog, clock=self.clock)

    def _path(self, path: str) -> LearningPath:
        if self.path is None:
            raise errors.NotFound(f"there is no path {path}")
        return self.path

    async def do(self, *steps: tuple[str, ...]) -> None:
        """Do what ada does, each step a transaction."""
        for name, *arguments in steps:
            async with self.db.transaction():
                await getattr(self.progress, name)("ada", "tea", *arguments)

    async def publish(self, edition: int) -> None:
        """Hear of an edition."""
        async with self.db.transaction():
            await self.progress.follow_edition(
                PathPublished(path="tea", title="Tea", edition=edition, at=self.clock.now())
            )

    async def told(self) -> list[str]:
        """Return the names of the events, with what they are about."""
        kinds = (Enrolled, ResourceCompleted, ResourceUndone, PhaseCompleted, PathFinished)
        return [
            f"{type(it).__name__} {getattr(it, 'resource', getattr(it, 'phase_title', ''))}".strip()
            for it in await announced(self.db, *kinds)
        ]


async def test_announces_each_step_of_a_learner_once(by_hand: ByHand) -> None:
    """What is repeated changes nothing, and is not announced again."""
    for _ in range(2):
        await by_hand.do(("enrol",), ("complete", "green"))
    await by_hand.do(("undo", "green"), ("undo", "green"))
    assert await by_hand.told() == ["Enrolled", "ResourceCompleted green", "ResourceUndone green"]
    _, completed, _ = await announced(by_hand.db, Enrolled, ResourceCompleted, ResourceUndone)
    assert completed == ResourceCompleted(
        learner="ada",
        path="tea",
        title="Tea",
        resource="green",
        done=1,
        total=2,
        finished=False,
        at=by_hand.clock.now(),
    )


async def test_announces_nothing_of_what_is_refused(by_hand: ByHand) -> None:
    """A command that fails leaves no event."""
    await by_hand.do(("enrol",))
    with pytest.raises(Locked):
        await by_hand.do(("complete", "black"))
    assert await by_hand.told() == ["Enrolled"]


async def test_a_phase_and_a_path_are_finished_once(by_hand: ByHand) -> None:
    """Also when something is undone, and done again."""
    await by_hand.do(("enrol",), ("complete", "green"), ("complete", "black"), ("tick", "drunk"), ("tick", "drunk"))
    finished = ["PhaseCompleted Leaves", "PathFinished"]
    steps = ["Enrolled", "ResourceCompleted green", "ResourceCompleted black"]
    assert await by_hand.told() == [*steps, *finished]
    await by_hand.do(("untick", "drunk"), ("undo", "black"), ("complete", "black"), ("tick", "drunk"))
    assert await by_hand.told() == [*steps, *finished, "ResourceUndone black", "ResourceCompleted black"]


async def test_a_finished_phase_says_what_comes_next(by_hand: ByHand) -> None:
    """A letter about it needs to ask nobody."""
    more = Phase(number=2, title="Water", resources=(Resource(slug="hot", title="Hot", kind="Article", minutes=5),))
    by_hand.path = replace(TEA, phases=(*TEA.phases, more))
    await by_hand.do(("enrol",), ("complete", "green"), ("complete", "black"))
    (event,) = await announced(by_hand.db, PhaseCompleted)
    assert (event.phase, event.phase_title, event.following) == (1, "Leaves", "Hot")


async def test_a_new_edition_that_asks_for_less_finishes_a_phase(by_hand: ByHand) -> None:
    """Nobody does anything, and the phase is complete: it is announced all the same, once."""
    await by_hand.publish(1)
    await by_hand.do(("enrol",), ("complete", "green"))
    (phase,) = TEA.phases
    by_hand.path = replace(TEA, phases=(replace(phase, resources=phase.resources[:1]),))
    for _ in range(2):
        await by_hand.publish(2)
    assert await by_hand.told() == ["Enrolled", "ResourceCompleted green", "PhaseCompleted Leaves"]


@pytest.mark.parametrize("heard", [True, False])
async def test_what_was_finished_before_there_were_events_is_not_news(by_hand: ByHand, heard: bool) -> None:
    """Whether an edition is heard of first, or the learner moves first; what comes after that is news."""
    more = Phase(number=2, title="Water", resources=(Resource(slug="hot", title="Hot", kind="Article", minutes=5),))
    by_hand.path = replace(TEA, phases=(*TEA.phases, more))
    async with by_hand.db.transaction():
        now = by_hand.clock.now()
        by_hand.db.add(EnrolmentRow(learner="ada", path="tea", enrolled_at=now))
        await by_hand.db.flush()
        for resource in ("green", "black"):
            by_hand.db.add(CompletionRow(learner="ada", path="tea", resource=resource, done_at=now))
    if heard:
        await by_hand.publish(1)
        await by_hand.publish(2)
        assert await by_hand.told() == []
    await by_hand.do(("complete", "hot"))
    assert await by_hand.told() == ["ResourceCompleted hot", "PhaseCompleted Water"]


async def test_a_path_that_is_retired_meanwhile_is_passed_over(by_hand: ByHand) -> None:
    """The event is done; there is nothing to announce."""
    await by_hand.do(("enrol",))
    by_hand.path = None
    await by_hand.publish(3)
    assert await by_hand.told() == ["Enrolled"]


async def test_has_the_tables_that_its_migrations_make(tmp_path: Path) -> None:
    """Migrations and tables agree."""
    async with local(directory=tmp_path, catalog=CatalogService, progress=ProgressService) as application:
        assert await drift(application.service("progress").db, Base.metadata) == []
