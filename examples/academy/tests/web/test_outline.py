"""A path joined with a standing."""

from __future__ import annotations

from academy.progress.contract import State
from academy.web.outline import outline, upcoming


def test_without_a_standing_everything_rests_on_what_needs_nothing(town):
    """A visitor's outline is that of somebody who has done nothing."""
    found = outline(town.shelf["stonework"])
    assert [step.state for step in found.steps] == [State.OPEN, State.LOCKED, State.LOCKED]
    assert [step.current for step in found.steps] == [True, False, False]
    assert [need.title for need in found.steps[2].needs] == ["Basics", "Tools"]


def test_a_phase_that_is_locked_says_what_it_waits_for(town):
    """Only what lies before it; what its own resources need of each other is said at them."""
    found = outline(town.shelf["stonework"])
    assert [section.locked for section in found.sections] == [False, True]
    assert [need.slug for need in found.sections[1].blocking] == ["basics", "tools"]
    assert found.sections[0].blocking == ()


def test_a_standing_decides(town):
    """The service knows better than the outline what is open."""
    town.enrol("ada", "stonework")
    town.done["stonework"] = {"basics", "tools"}
    standing = town.standing("ada", "stonework")
    found = outline(town.shelf["stonework"], standing)
    assert [step.state for step in found.steps] == [State.DONE, State.DONE, State.OPEN]
    assert found.current is not None
    assert found.current.resource.slug == "bonds"
    assert found.sections[0].complete
    assert found.minutes == 120
    assert upcoming(standing).slug == "bonds"


def test_when_all_is_done_nothing_is_next(town):
    """There is no current step."""
    town.enrol("ada", "stonework")
    town.done["stonework"] = {"basics", "tools", "bonds"}
    standing = town.standing("ada", "stonework")
    assert outline(town.shelf["stonework"], standing).current is None
    assert upcoming(standing) is None


def test_a_resource_that_the_standing_does_not_know_yet_is_judged_by_what_is_done(town):
    """The catalog may have been replaced between two questions."""
    town.enrol("ada", "stonework")
    town.done["stonework"] = {"basics"}
    standing = town.standing("ada", "stonework")
    path = town.shelf["stonework"]
    town.publish(phases=(path.phases[1], *path.phases))
    stripped = type(standing)(
        **{name: getattr(standing, name) for name in standing.__struct_fields__ if name != "phases"}, phases=()
    )
    assert [step.state for step in outline(path, stripped).steps] == [State.OPEN, State.LOCKED, State.LOCKED]


def test_a_step_is_found_by_its_slug(town):
    """Unknown slugs find nothing."""
    found = outline(town.shelf["stonework"])
    assert found.step("tools") is found.steps[1]
    assert found.step("alchemy") is None
