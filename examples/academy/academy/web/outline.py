"""A path as a page shows it: what the catalog teaches, joined with how far the learner is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from academy.catalog.contract import LearningPath, Phase, Resource
from academy.progress.contract import Need, ResourceStanding, Standing, State


@dataclass(frozen=True, slots=True)
class Step:
    """One resource, and where it stands."""

    resource: Resource
    state: State
    needs: tuple[Need, ...]
    """What locks it."""
    phase: int
    current: bool
    """Whether it is the next one to study."""


@dataclass(frozen=True, slots=True)
class Section:
    """One phase, and where it stands."""

    number: int
    title: str
    steps: tuple[Step, ...]
    minutes: int
    complete: bool
    locked: bool
    blocking: tuple[Need, ...]
    """What is to be done before any of it can be begun; empty unless all of it is locked."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A whole path, for one visitor."""

    path: LearningPath
    standing: Standing | None
    """None for somebody who is not enrolled."""
    sections: tuple[Section, ...]
    minutes: int

    @property
    def steps(self) -> tuple[Step, ...]:
        """All resources in order."""
        return tuple(step for section in self.sections for step in section.steps)

    @property
    def current(self) -> Step | None:
        """The next resource to study; None when all are done."""
        return next((step for step in self.steps if step.current), None)

    def step(self, slug: str | None) -> Step | None:
        """Return the resource with that slug, or None."""
        return next((step for step in self.steps if step.resource.slug == slug), None)


def outline(path: LearningPath, standing: Standing | None = None) -> Outline:
    """Join a path with a learner's standing in it; without one, nothing is done yet."""
    standings = {
        resource.slug: resource for phase in (standing.phases if standing else ()) for resource in phase.resources
    }
    titles = {resource.slug: resource.title for phase in path.phases for resource in phase.resources}
    done = {slug for slug, resource in standings.items() if resource.state is State.DONE}
    upcoming = standing.next if standing else path.phases[0].resources[0].slug
    sections = tuple(_section(phase, standings, titles, done, upcoming) for phase in path.phases)
    return Outline(path, standing, sections, sum(section.minutes for section in sections))


def _section(
    phase: Phase,
    standings: Mapping[str, ResourceStanding],
    titles: Mapping[str, str],
    done: Collection[str],
    upcoming: str | None,
) -> Section:
    steps: list[Step] = []
    for resource in phase.resources:
        known = standings.get(resource.slug)
        if known is not None:
            state, needs = known.state, known.needs
        else:
            needs = tuple(Need(slug=slug, title=titles[slug]) for slug in resource.needs if slug not in done)
            state = State.LOCKED if needs else State.OPEN
        steps.append(Step(resource, state, needs, phase.number, resource.slug == upcoming))
    own = {step.resource.slug for step in steps}
    locked = all(step.state is State.LOCKED for step in steps)
    blocking = {need.slug: need for step in steps for need in step.needs if need.slug not in own}
    return Section(
        number=phase.number,
        title=phase.title,
        steps=tuple(steps),
        minutes=sum(resource.minutes for resource in phase.resources),
        complete=all(step.state is State.DONE for step in steps),
        locked=locked,
        blocking=tuple(blocking.values()) if locked else (),
    )


def upcoming(standing: Standing) -> ResourceStanding | None:
    """Return the next resource to study; None when all are done."""
    resources = (resource for phase in standing.phases for resource in phase.resources)
    return next((resource for resource in resources if resource.slug == standing.next), None)
