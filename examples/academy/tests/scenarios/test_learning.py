"""A learner's way through a path: the same test in every placement of the services.

Each test has learners and paths that no other has, so that one application may serve for all.
"""

from __future__ import annotations

import asyncio

import pytest

from academy.catalog.contract import Article, Catalog, ChecklistItem, Document, LearningPath, Phase, Resource
from academy.identity.contract import Learners, NameTaken, WrongCredentials
from academy.progress.contract import Locked, Need, NeededByOthers, NotEnrolled, Progress, State, TicksItself
from freestone import Identity, acting_as, deadline, errors
from freestone.testing import Running

PATH = "microservices-architecture"
PASSWORD = "correct horse"

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_learner_finishes_the_path(application: Running) -> None:
    """Sign up, enrol, follow what is next to the end, tick the last box: all boxes are ticked, no time is left."""
    catalog, progress = application.client(Catalog), application.client(Progress)
    session = await application.client(Learners).sign_up("Ada", PASSWORD)
    ada = session.learner.id
    with acting_as(Identity(ada)):
        standing = await progress.enrol(ada, PATH)
        order = []
        while standing.next is not None:
            lesson = await catalog.resource(PATH, standing.next)
            assert lesson.article
            order.append(lesson.resource.title)
            standing = await progress.complete(ada, PATH, standing.next)
        assert order == [
            "Microservices Basics",
            "Microservices vs Monolith",
            "Microservices Design",
            "Microservices Communication",
            "Microservices Data Management",
            "Microservices Implementation",
            "Microservices Best Practices",
        ]
        assert not standing.finished
        standing = await progress.tick(ada, PATH, "supplementary-materials-reviewed")
        assert standing.finished
        assert all(check.ticked for check in standing.checklist)
        assert (standing.percent, standing.minutes_spent, standing.minutes_left) == (100, 285, 0)
        (enrolment,) = await progress.enrolments(ada)
        assert enrolment.finished


async def test_phase_2_unlocks_with_phase_1(application: Running) -> None:
    """A declared error arrives as itself, with its fields; then the way is open."""
    progress = application.client(Progress)
    await progress.enrol("ada", PATH)
    await progress.complete("ada", PATH, "microservices-basics")
    with pytest.raises(Locked, match="“Microservices Design” needs “Microservices vs Monolith” first") as caught:
        await progress.complete("ada", PATH, "microservices-design")
    assert caught.value.needs == (Need("microservices-vs-monolith", "Microservices vs Monolith"),)
    standing = await progress.complete("ada", PATH, "microservices-vs-monolith")
    assert standing.phases[1].resources[0].state is State.OPEN
    assert standing.checklist[0].ticked


async def test_what_is_undone_locks_what_follows(application: Running) -> None:
    """Undoing goes backwards, one by one, and takes the box of the phase with it."""
    progress = application.client(Progress)
    await progress.enrol("bea", PATH)
    for resource in ("microservices-basics", "microservices-vs-monolith"):
        await progress.complete("bea", PATH, resource)
    with pytest.raises(NeededByOthers) as caught:
        await progress.undo("bea", PATH, "microservices-basics")
    assert caught.value.by == (Need("microservices-vs-monolith", "Microservices vs Monolith"),)
    standing = await progress.undo("bea", PATH, "microservices-vs-monolith")
    assert not standing.checklist[0].ticked
    assert standing.phases[1].locked


async def test_errors_say_what_is_wrong(application: Running) -> None:
    """Each error arrives as its class, wherever it was raised: in the service that was called, or behind it."""
    progress, catalog = application.client(Progress), application.client(Catalog)
    with pytest.raises(errors.NotFound, match="there is no path coffee"):
        await catalog.path("coffee")
    with pytest.raises(errors.NotFound, match="there is no path coffee"):
        await progress.enrol("cay", "coffee")
    with pytest.raises(NotEnrolled) as not_enrolled:
        await progress.standing("cay", PATH)
    assert not_enrolled.value.path == PATH
    await progress.enrol("cay", PATH)
    with pytest.raises(TicksItself) as ticks_itself:
        await progress.tick("cay", PATH, "phase-2-completed")
    assert ticks_itself.value.phase == 2


async def test_who_asks_is_known_behind_every_boundary(application: Running) -> None:
    """The identity of a caller travels with the call."""
    progress = application.client(Progress)
    with acting_as(Identity("dot")):
        await progress.enrol("dot", PATH)
    with acting_as(Identity("bob")), pytest.raises(errors.PermissionDenied):
        await progress.standing("dot", PATH)


async def test_a_deadline_ends_a_call(application: Running) -> None:
    """A call that has no time left ends with DeadlineExceeded."""
    with pytest.raises(errors.DeadlineExceeded):
        async with deadline(0):
            await application.client(Progress).enrol("ada", PATH)


async def test_learners_sign_up_in_and_out(application: Running) -> None:
    """A session proves who a learner is, until it is ended."""
    learners = application.client(Learners)
    first = await learners.sign_up("Ada Lovelace", PASSWORD)
    with pytest.raises(NameTaken) as taken:
        await learners.sign_up("ada lovelace", PASSWORD)
    assert taken.value.name == "ada lovelace"
    with pytest.raises(WrongCredentials):
        await learners.sign_in("Ada Lovelace", "wrong horse")
    second = await learners.sign_in("ADA LOVELACE", PASSWORD)
    await learners.sign_out(first.token)
    with pytest.raises(errors.Unauthenticated):
        await learners.session(first.token)
    assert await learners.session(second.token) == first.learner
    assert second.expires_at.tzinfo is not None


async def test_a_path_is_imported_once(application: Running) -> None:
    """What is imported is there for every service; to import it again changes nothing."""
    catalog, progress = application.client(Catalog), application.client(Progress)
    tea = Document(
        path=LearningPath(
            slug="tea",
            title="Tea — 茶",
            overview="*Leaves*",
            phases=(
                Phase(
                    number=1,
                    title="Leaves",
                    resources=(Resource(slug="green", title="Green", kind="Article", minutes=5),),
                ),
            ),
            checklist=(ChecklistItem(slug="phase-1-completed", text="Phase 1 completed", phase=1),),
        ),
        articles=(Article(resource="green", text="Pick it.\n"),),
    )
    assert (await catalog.import_path(tea)).created
    assert (await catalog.import_path(tea)).changes == ()
    assert await catalog.path("tea") == tea.path
    await progress.enrol("ada", "tea")
    assert (await progress.complete("ada", "tea", "green")).finished


async def test_a_document_that_contradicts_itself_is_refused(application: Running) -> None:
    """The field at fault crosses the boundary with the error."""
    path = LearningPath(slug="tea", title="Tea", overview="", phases=())
    with pytest.raises(errors.InvalidArgument, match="a path needs a phase") as caught:
        await application.client(Catalog).import_path(Document(path=path))
    assert caught.value.field == "document.path.phases"


async def test_commands_side_by_side_are_all_kept(application: Running) -> None:
    """Many learners at once, each in a transaction of their own, and each finds what they did."""
    progress = application.client(Progress)
    names = [f"learner {number}" for number in range(20)]
    await asyncio.gather(*(progress.enrol(name, PATH) for name in names))
    standings = await asyncio.gather(*(progress.complete(name, PATH, "microservices-basics") for name in names))
    assert [standing.learner for standing in standings] == names
    assert all(standing.done == 1 for standing in standings)


async def test_the_same_command_side_by_side_takes_effect_once(application: Running) -> None:
    """A double click is one completion."""
    progress = application.client(Progress)
    await progress.enrol("eve", PATH)
    standings = await asyncio.gather(*(progress.complete("eve", PATH, "microservices-basics") for _ in range(5)))
    assert all(standing == standings[0] for standing in standings)
