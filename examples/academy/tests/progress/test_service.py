"""Progress, on a database of its own and a catalog that is a fake."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from academy.catalog.contract import Catalog, ChecklistItem, LearningPath, Phase, Resource
from academy.catalog.service import CatalogService
from academy.progress.contract import Locked, NeededByOthers, NotEnrolled, Progress, State, TicksItself
from academy.progress.service import ProgressService
from academy.progress.tables import Base
from freestone import Identity, acting_as, errors, local
from freestone.data import Database, drift
from freestone.testing import FakeClock, fake

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
        progress = ProgressService(db=db, catalog=fake(Catalog, path=away), clock=FakeClock())
        with pytest.raises(errors.Unavailable, match="the catalog is away"):
            await progress.enrol("ada", "tea")


async def test_works_when_it_is_made_by_hand(clock: FakeClock) -> None:
    """A service is an ordinary class: its dependencies are arguments."""
    async with Database.temporary(Base.metadata) as db, db.transaction():
        progress = ProgressService(db=db, catalog=fake(Catalog, path=lambda _: TEA), clock=clock)
        await progress.enrol("ada", "tea")
        await progress.complete("ada", "tea", "green")
        standing = await progress.standing("ada", "tea")
        assert standing.minutes_spent == 10
        assert clock.now() - standing.enrolled_at == timedelta()


async def test_has_the_tables_that_its_migrations_make(tmp_path: Path) -> None:
    """Migrations and tables agree."""
    async with local(directory=tmp_path, catalog=CatalogService, progress=ProgressService) as application:
        assert await drift(application.service("progress").db, Base.metadata) == []
