"""The drawing of a path."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.catalog.contract import LearningPath, Phase, Resource
from academy.web.outline import outline
from academy.web.wall import GAP, HEIGHT, WIDTH, wall

minutes = st.lists(st.lists(st.integers(1, 600), min_size=1, max_size=12), min_size=1, max_size=6)


def path(phases: list[list[int]]) -> LearningPath:
    """A path whose resources take that long."""
    return LearningPath(
        slug="p",
        title="P",
        overview="",
        phases=tuple(
            Phase(
                number=number,
                title=str(number),
                resources=tuple(
                    Resource(slug=f"r{number}-{index}", title="R", kind="Article", minutes=each)
                    for index, each in enumerate(phase)
                ),
            )
            for number, phase in enumerate(phases, 1)
        ),
    )


@given(minutes)
def test_each_course_fills_the_wall(phases):
    """Stones and gaps of a phase add up to the width, and none overlap."""
    drawn = wall(outline(path(phases)))
    for number, phase in enumerate(phases, 1):
        course = [stone for stone in drawn.stones if stone.step.phase == number]
        assert len(course) == len(phase)
        assert course[0].x == 0
        assert course[-1].x + course[-1].width == pytest.approx(WIDTH, abs=0.1)
        for left, right in itertools.pairwise(course):
            assert right.x - (left.x + left.width) == pytest.approx(GAP, abs=0.05)


def test_a_stone_is_as_wide_as_its_resource_is_long():
    """Twice the time, twice the width."""
    short, long = wall(outline(path([[20, 40]]))).stones
    assert long.width == pytest.approx(2 * short.width, abs=0.05)


def test_the_first_phase_is_at_the_bottom():
    """Walls are built from the ground up."""
    drawn = wall(outline(path([[1], [1], [1]])))
    assert [stone.y for stone in drawn.stones] == [2 * (HEIGHT + GAP), HEIGHT + GAP, 0]
    assert drawn.height == 3 * HEIGHT + 2 * GAP


def test_a_stone_looks_like_where_it_stands(town):
    """What is next stands out from what is open."""
    town.enrol("ada", "stonework")
    town.done["stonework"] = {"basics"}
    drawn = wall(outline(town.shelf["stonework"], town.standing("ada", "stonework")))
    assert [stone.look for stone in drawn.stones] == ["done", "current", "locked"]
