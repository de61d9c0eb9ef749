"""A path drawn as a wall: a course for each phase, laid from the ground up, a stone for each resource.

A stone is as wide as its resource is long, so the picture says at a glance what a list says in words. It is
computed here, in the units of an SVG ``viewBox``, because the site's pages have no inline styles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .outline import Outline, Section, Step

WIDTH: Final = 480
HEIGHT: Final = 64
GAP: Final = 4


@dataclass(frozen=True, slots=True)
class Stone:
    """One resource, in units of the drawing."""

    x: float
    y: float
    width: float
    height: float
    step: Step

    @property
    def look(self) -> str:
        """The name of its style: done, current, open or locked."""
        return "current" if self.step.current else self.step.state.value


@dataclass(frozen=True, slots=True)
class Wall:
    """All stones of a path."""

    width: int
    height: int
    stones: tuple[Stone, ...]


def wall(outline: Outline) -> Wall:
    """Lay the stones of a path; the first phase is at the bottom."""
    courses = len(outline.sections)
    height = courses * (HEIGHT + GAP) - GAP
    stones: list[Stone] = []
    for index, section in enumerate(outline.sections):
        stones += _course(section, y=height - HEIGHT - index * (HEIGHT + GAP))
    return Wall(WIDTH, height, tuple(stones))


def _course(section: Section, y: float) -> list[Stone]:
    room = WIDTH - GAP * (len(section.steps) - 1)
    stones: list[Stone] = []
    x = 0.0
    for step in section.steps:
        width = room * step.resource.minutes / section.minutes
        stones.append(Stone(round(x, 2), y, round(width, 2), HEIGHT, step))
        x += width + GAP
    return stones
