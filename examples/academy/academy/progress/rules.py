"""How far a learner is: decided from a path and a record of what was done, without asking anybody.

A record may name resources and boxes that the path no longer has, after a new edition of it; they count for
nothing. What is done stays done, even if a new edition says that something else must come first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import final

from academy.catalog.contract import ChecklistItem, LearningPath, Phase, Resource
from freestone.errors import NotFound

from .contract import (
    CheckStanding,
    Enrolment,
    Locked,
    Need,
    NeededByOthers,
    PathFinished,
    PhaseCompleted,
    PhaseStanding,
    ResourceStanding,
    Standing,
    State,
    TicksItself,
)


@final
@dataclass(frozen=True, slots=True)
class Record:
    """What a learner has done in a path."""

    learner: str
    path: str
    """The slug of the path."""
    enrolled_at: datetime
    done: Mapping[str, datetime] = field(default_factory=dict)
    """When each resource was completed, by slug."""
    ticked: frozenset[str] = frozenset()
    """The slugs of the boxes that the learner has ticked."""


def standing(path: LearningPath, record: Record) -> Standing:
    """Return how far the learner is."""
    phases = tuple(_phase(path, phase, record) for phase in path.phases)
    complete = {phase.number for phase in phases if phase.complete}
    checklist = tuple(_check(item, complete, record.ticked) for item in path.checklist)
    resources = [resource for phase in phases for resource in phase.resources]
    done = [resource for resource in resources if resource.state is State.DONE]
    spent = sum(resource.minutes for resource in done)
    return Standing(
        learner=record.learner,
        path=path.slug,
        title=path.title,
        enrolled_at=record.enrolled_at,
        phases=phases,
        checklist=checklist,
        next=next((resource.slug for resource in resources if resource.state is State.OPEN), None),
        done=len(done),
        total=len(resources),
        percent=len(done) * 100 // len(resources),
        minutes_spent=spent,
        minutes_left=sum(resource.minutes for resource in resources) - spent,
        finished=len(done) == len(resources) and all(check.ticked for check in checklist),
    )


def enrolment(found: Standing) -> Enrolment:
    """Return a standing as a list of paths shows it."""
    return Enrolment(
        path=found.path,
        title=found.title,
        enrolled_at=found.enrolled_at,
        done=found.done,
        total=found.total,
        percent=found.percent,
        minutes_left=found.minutes_left,
        next=found.next,
        finished=found.finished,
    )


def total(path: LearningPath) -> int:
    """Return how many resources a path has."""
    return len(_resources(path))


def reached(found: Standing, at: datetime) -> Iterator[PhaseCompleted | PathFinished]:
    """Give what there is to announce: each phase that is complete, and the path if it is finished.

    Which of it was announced before, the caller knows.
    """
    titles = {resource.slug: resource.title for phase in found.phases for resource in phase.resources}
    for phase in found.phases:
        if phase.complete:
            yield PhaseCompleted(
                learner=found.learner,
                path=found.path,
                title=found.title,
                phase=phase.number,
                phase_title=phase.title,
                following=titles[found.next] if found.next else "",
                at=at,
            )
    if found.finished:
        yield PathFinished(learner=found.learner, path=found.path, title=found.title, total=found.total, at=at)


def milestone(event: PhaseCompleted | PathFinished) -> str:
    """Return under which name it is kept that this was announced: the title of the phase; nothing for a path."""
    return event.phase_title if isinstance(event, PhaseCompleted) else ""


def check_complete(path: LearningPath, done: Collection[str], resource: str) -> None:
    """Raise NotFound or Locked if the resource can't be completed now. To complete it again is no mistake."""
    found = _resource(path, resource)
    missing = _missing(path, found, done)
    if missing and resource not in done:
        raise Locked(f"“{found.title}” needs {_titles(missing)} first", needs=missing)


def check_undo(path: LearningPath, done: Collection[str], resource: str) -> None:
    """Raise NotFound or NeededByOthers if the resource can't be undone now. To undo it again is no mistake."""
    found = _resource(path, resource)
    by = tuple(
        Need(slug=other.slug, title=other.title)
        for other in _resources(path)
        if resource in other.needs and other.slug in done
    )
    if by and resource in done:
        raise NeededByOthers(f"undo {_titles(by)} before “{found.title}”, which comes first", by=by)


def check_tick(path: LearningPath, item: str) -> None:
    """Raise NotFound or TicksItself if the box is not the learner's to tick or untick."""
    found = next((check for check in path.checklist if check.slug == item), None)
    if found is None:
        raise NotFound(f"the checklist of “{path.title}” has no box {item}")
    if found.phase is not None:
        raise TicksItself(f"“{found.text}” follows phase {found.phase}", phase=found.phase)


def _phase(path: LearningPath, phase: Phase, record: Record) -> PhaseStanding:
    resources = tuple(_standing(path, resource, record.done) for resource in phase.resources)
    return PhaseStanding(
        number=phase.number,
        title=phase.title,
        resources=resources,
        complete=all(resource.state is State.DONE for resource in resources),
        locked=all(resource.state is State.LOCKED for resource in resources),
    )


def _standing(path: LearningPath, resource: Resource, done: Mapping[str, datetime]) -> ResourceStanding:
    missing = () if resource.slug in done else _missing(path, resource, done)
    return ResourceStanding(
        slug=resource.slug,
        title=resource.title,
        kind=resource.kind,
        minutes=resource.minutes,
        state=State.DONE if resource.slug in done else State.LOCKED if missing else State.OPEN,
        needs=missing,
        done_at=done.get(resource.slug),
    )


def _check(item: ChecklistItem, complete: Collection[int], ticked: Collection[str]) -> CheckStanding:
    by_itself = item.phase in complete
    return CheckStanding(
        slug=item.slug,
        text=item.text,
        ticked=by_itself if item.phase is not None else item.slug in ticked,
        phase=item.phase,
    )


def _missing(path: LearningPath, resource: Resource, done: Collection[str]) -> tuple[Need, ...]:
    return tuple(
        Need(slug=other.slug, title=other.title)
        for other in _resources(path)
        if other.slug in resource.needs and other.slug not in done
    )


def _resource(path: LearningPath, slug: str) -> Resource:
    found = next((resource for resource in _resources(path) if resource.slug == slug), None)
    if found is None:
        raise NotFound(f"“{path.title}” has no resource {slug}")
    return found


def _resources(path: LearningPath) -> list[Resource]:
    return [resource for phase in path.phases for resource in phase.resources]


def _titles(needs: Collection[Need]) -> str:
    *others, last = (f"“{need.title}”" for need in needs)
    return f"{', '.join(others)} and {last}" if others else last
