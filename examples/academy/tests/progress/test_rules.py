"""How far a learner is, as the rules tell from a path and a record."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.catalog.contract import ChecklistItem, LearningPath, Phase, Resource
from academy.progress import rules
from academy.progress.contract import Locked, Need, NeededByOthers, Standing, State, TicksItself
from academy.progress.rules import Record
from freestone import errors

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def resource(slug: str, *needs: str, minutes: int = 10) -> Resource:
    return Resource(slug=slug, title=slug.title(), kind="Article", minutes=minutes, needs=needs)


TEA = LearningPath(
    slug="tea",
    title="Tea",
    overview="",
    phases=(
        Phase(number=1, title="Leaves", resources=(resource("green"), resource("black", "green", minutes=20))),
        Phase(number=2, title="Water", resources=(resource("hot", "green", "black", minutes=40), resource("cold"))),
    ),
    checklist=(
        ChecklistItem(slug="one", text="Phase 1 completed", phase=1),
        ChecklistItem(slug="two", text="Phase 2 completed", phase=2),
        ChecklistItem(slug="drunk", text="A cup drunk"),
    ),
)


def after(*done: str, ticked: tuple[str, ...] = ()) -> Record:
    return Record(
        learner="ada",
        path="tea",
        enrolled_at=NOON,
        done=dict.fromkeys(done, NOON),
        ticked=frozenset(ticked),
    )


def states(standing: Standing) -> dict[str, State]:
    return {resource.slug: resource.state for phase in standing.phases for resource in phase.resources}


def test_a_new_learner_starts_with_what_needs_nothing() -> None:
    """What needs something is locked, and says what it needs; the first open resource is next."""
    standing = rules.standing(TEA, after())
    assert states(standing) == {
        "green": State.OPEN,
        "black": State.LOCKED,
        "hot": State.LOCKED,
        "cold": State.OPEN,
    }
    assert standing.phases[1].resources[0].needs == (Need("green", "Green"), Need("black", "Black"))
    assert (standing.next, standing.done, standing.total, standing.percent) == ("green", 0, 4, 0)
    assert (standing.minutes_spent, standing.minutes_left) == (0, 80)
    assert not any(check.ticked for check in standing.checklist)


def test_a_resource_opens_with_the_last_that_it_needs() -> None:
    """What is still missing is all that a locked resource names."""
    assert rules.standing(TEA, after("green")).phases[1].resources[0].needs == (Need("black", "Black"),)
    assert states(rules.standing(TEA, after("green", "black")))["hot"] is State.OPEN


def test_a_phase_ticks_its_box_when_it_is_complete() -> None:
    """Boxes that follow a phase need nobody; time spent is that of what is done."""
    standing = rules.standing(TEA, after("green", "black"))
    assert [(check.slug, check.ticked) for check in standing.checklist] == [
        ("one", True),
        ("two", False),
        ("drunk", False),
    ]
    assert [(phase.complete, phase.locked) for phase in standing.phases] == [(True, False), (False, False)]
    assert (standing.minutes_spent, standing.minutes_left, standing.percent) == (30, 50, 50)


def test_a_path_is_finished_with_its_last_box() -> None:
    """All resources and all boxes: only both together finish a path."""
    everything = ("green", "black", "hot", "cold")
    assert not rules.standing(TEA, after(*everything)).finished
    standing = rules.standing(TEA, after(*everything, ticked=("drunk",)))
    assert standing.finished
    assert (standing.percent, standing.next, standing.minutes_left) == (100, None, 0)
    assert not rules.standing(TEA, after("green", "black", "hot", ticked=("drunk",))).finished


def test_a_new_edition_leaves_what_is_done() -> None:
    """What an old edition had counts for nothing; what is done stays done whatever is now needed first."""
    standing = rules.standing(TEA, after("hot", "oolong", ticked=("gone",)))
    assert states(standing)["hot"] is State.DONE
    assert (standing.done, standing.minutes_spent) == (1, 40)


def test_an_enrolment_is_a_short_standing() -> None:
    """A list of paths tells the same as the path's own page."""
    standing = rules.standing(TEA, after("green"))
    enrolment = rules.enrolment(standing)
    assert (enrolment.title, enrolment.percent, enrolment.next) == ("Tea", 25, "black")


@pytest.mark.parametrize(
    ("done", "resource", "message"),
    [
        ((), "black", "“Black” needs “Green” first"),
        ((), "hot", "“Hot” needs “Green” and “Black” first"),
        (("black",), "hot", "“Hot” needs “Green” first"),
    ],
)
def test_a_locked_resource_cannot_be_completed(done: tuple[str, ...], resource: str, message: str) -> None:
    """The error names what must come first."""
    with pytest.raises(Locked) as caught:
        rules.check_complete(TEA, done, resource)
    assert str(caught.value) == message


def test_what_is_done_may_be_completed_again() -> None:
    """To repeat it is no mistake, even if a new edition has locked it since."""
    rules.check_complete(TEA, ("hot",), "hot")
    rules.check_complete(TEA, ("green",), "green")


def test_what_others_need_cannot_be_undone() -> None:
    """Only what is done and needs the resource directly stands in the way."""
    with pytest.raises(NeededByOthers) as caught:
        rules.check_undo(TEA, ("green", "black", "hot"), "green")
    assert str(caught.value) == "undo “Black” and “Hot” before “Green”, which comes first"
    assert caught.value.by == (Need("black", "Black"), Need("hot", "Hot"))
    rules.check_undo(TEA, ("green", "black", "hot"), "hot")
    rules.check_undo(TEA, ("green",), "green")


def test_what_is_not_done_may_be_undone() -> None:
    """To repeat it is no mistake."""
    rules.check_undo(TEA, ("black",), "green")


def test_an_unknown_resource_is_not_found() -> None:
    """A name that the path does not have is told apart from one that is locked."""
    for check in (rules.check_complete, rules.check_undo):
        with pytest.raises(errors.NotFound, match="“Tea” has no resource oolong"):
            check(TEA, (), "oolong")


def test_only_the_learners_own_boxes_can_be_ticked() -> None:
    """A box that follows a phase is nobody's to tick."""
    rules.check_tick(TEA, "drunk")
    with pytest.raises(TicksItself, match="“Phase 1 completed” follows phase 1") as caught:
        rules.check_tick(TEA, "one")
    assert caught.value.phase == 1
    with pytest.raises(errors.NotFound, match="the checklist of “Tea” has no box three"):
        rules.check_tick(TEA, "three")


@st.composite
def paths(draw: st.DrawFn) -> LearningPath:
    """Any path: each resource needs some of those before it."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    resources: list[Resource] = []
    for number in range(sum(sizes)):
        needs = draw(st.sets(st.sampled_from(range(number)), max_size=3)) if number else set()
        minutes = draw(st.integers(1, 90))
        resources.append(resource(f"r{number}", *(f"r{need}" for need in sorted(needs)), minutes=minutes))
    phases = tuple(
        Phase(number=index + 1, title="", resources=tuple(resources[sum(sizes[:index]) : sum(sizes[: index + 1])]))
        for index in range(len(sizes))
    )
    checklist = tuple(ChecklistItem(slug=f"p{p.number}", text="", phase=p.number) for p in phases)
    return LearningPath(slug="p", title="P", overview="", phases=phases, checklist=checklist)


moves = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), max_size=40)


@given(paths(), moves)
def test_what_is_done_never_lacks_what_it_needs(path: LearningPath, moves: list[tuple[bool, int]]) -> None:
    """Whatever a learner tries, done resources have theirs done, and the numbers add up."""
    every = {resource.slug: resource for phase in path.phases for resource in phase.resources}
    done: dict[str, datetime] = {}
    for completes, number in moves:
        slug = f"r{number}"
        try:
            if completes:
                rules.check_complete(path, done, slug)
                done[slug] = NOON
            else:
                rules.check_undo(path, done, slug)
                done.pop(slug, None)
        except (Locked, NeededByOthers, errors.NotFound):
            continue
    assert all(set(every[slug].needs) <= done.keys() for slug in done)
    standing = rules.standing(path, Record(learner="ada", path="p", enrolled_at=NOON, done=done))
    assert standing.minutes_spent + standing.minutes_left == sum(resource.minutes for resource in every.values())
    assert (standing.next is None) == (standing.done == standing.total) == (standing.percent == 100)
    assert [check.ticked for check in standing.checklist] == [phase.complete for phase in standing.phases]
    for slug, state in states(standing).items():
        assert state is (
            State.DONE if slug in done else State.OPEN if set(every[slug].needs) <= done.keys() else State.LOCKED
        )


@given(paths())
def test_following_what_is_next_finishes_a_path(path: LearningPath) -> None:
    """Whoever does what is next, again and again, is never stuck before the end."""
    done: dict[str, datetime] = {}
    while (found := rules.standing(path, Record(learner="ada", path="p", enrolled_at=NOON, done=done))).next:
        rules.check_complete(path, done, found.next)
        done[found.next] = NOON
    assert found.finished
