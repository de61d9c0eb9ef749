"""The site with services that are played by a few functions, and a browser that needs no network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from academy.catalog.contract import (
    AdditionalResource,
    Catalog,
    ChecklistItem,
    LearningPath,
    Lesson,
    PathSummary,
    Phase,
    Resource,
    Video,
)
from academy.identity.contract import Learner, Learners, NameTaken, Session, WrongCredentials
from academy.notifications.contract import Letter, Letters, SentByMail, Wishes
from academy.progress.contract import (
    CheckStanding,
    Enrolment,
    Locked,
    Need,
    NeededByOthers,
    NotEnrolled,
    PhaseStanding,
    Progress,
    ResourceStanding,
    Standing,
    State,
    TicksItself,
)
from academy.search.contract import Found, Search
from academy.web.services import Services
from academy.web.site import site
from freestone.errors import InvalidArgument, NotFound, ServiceError, Unauthenticated
from freestone.testing import fake

ARTICLE = """
A **cut** is a promise that you keep.

## Where to cut

Along the grain. See [the guide](https://example.org/guide).

| cut | cost |
| --- | --- |
| none | 1 µs |
| wire | 80 µs |

## How to mend

```python
async with deadline(0.5):
    return await catalog.paths()
```
"""

PATH = LearningPath(
    slug="stonework",
    title="Stonework",
    overview="How to build from **small blocks** that bear each other.",
    prerequisites="You have seen a wall.",
    phases=(
        Phase(
            number=1,
            title="Ground",
            resources=(
                Resource(slug="basics", title="Basics", kind="Article", minutes=40, focus="What a stone is"),
                Resource(slug="tools", title="Tools", kind="Article", minutes=35, needs=("basics",)),
            ),
        ),
        Phase(
            number=2,
            title="Walls",
            resources=(Resource(slug="bonds", title="Bonds", kind="Article", minutes=45, needs=("basics", "tools")),),
        ),
    ),
    additional=(AdditionalResource(title="The mason's guide", url="https://example.org/guide"),),
    videos=(Video(title="A quarry at dawn", minutes=12, source="Quarry TV"),),
    checklist=(
        ChecklistItem(slug="phase-1-completed", text="Phase 1 completed", phase=1),
        ChecklistItem(slug="phase-2-completed", text="Phase 2 completed", phase=2),
        ChecklistItem(slug="supplementary", text="Supplementary materials reviewed"),
    ),
    notes="Weigh each cut.",
)
ADA = Learner(id="ada", name="Ada")
SINCE = datetime(2026, 3, 7, 12, tzinfo=UTC)
LATER = datetime(2099, 4, 6, 12, tzinfo=UTC)


@dataclass
class Town:
    """All services in memory. ``fail`` makes one of their methods raise."""

    shelf: dict[str, LearningPath] = field(default_factory=lambda: {PATH.slug: PATH})
    articles: dict[str, str] = field(default_factory=lambda: {"basics": ARTICLE, "tools": ARTICLE, "bonds": ARTICLE})
    passwords: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, Learner] = field(default_factory=dict)
    done: dict[str, set[str]] = field(default_factory=dict)
    ticks: set[str] = field(default_factory=set)
    failing: dict[str, ServiceError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    found: Found = field(default_factory=Found)
    letters: list[Letter] | None = None
    unwanted: set[str] = field(default_factory=set)
    looked_for: list[tuple[str, str | None]] = field(default_factory=list)

    def fail(self, method: str, error: ServiceError) -> None:
        """Have that method raise that error from now on."""
        self.failing[method] = error

    def services(self) -> Services:
        """Return clients of the services; each holds what goes in and out to its contract."""
        return Services(
            fake(Catalog, **self._methods("paths", "path", "resource")),
            fake(Progress, **self._methods("enrolments", "standing", "enrol", "complete", "undo", "tick", "untick")),
            fake(Learners, **self._methods("sign_up", "sign_in", "session", "sign_out", "set_email")),
            fake(Search, **self._methods("search")),
            fake(Letters, **self._methods("wishes", "wish", "unsubscribe", "kept")),
        )

    def _methods(self, *names: str) -> dict[str, Callable[..., Any]]:
        return {name: self._watched(name) for name in names}

    def _watched(self, name: str) -> Callable[..., Any]:
        def method(*arguments: Any) -> Any:
            self.calls.append(name)
            if name in self.failing:
                raise self.failing[name]
            return getattr(self, name)(*arguments)

        return method

    # The catalog

    def paths(self) -> tuple[PathSummary, ...]:
        return tuple(
            PathSummary(
                slug=path.slug,
                title=path.title,
                overview=path.overview,
                phases=len(path.phases),
                resources=sum(len(phase.resources) for phase in path.phases),
                minutes=sum(resource.minutes for phase in path.phases for resource in phase.resources),
            )
            for path in self.shelf.values()
        )

    def path(self, path: str) -> LearningPath:
        if path not in self.shelf:
            raise NotFound(f"there is no path {path}")
        return self.shelf[path]

    def resource(self, path: str, resource: str) -> Lesson:
        taught = self.path(path)
        flat = [(phase, each) for phase in taught.phases for each in phase.resources]
        slugs = [each.slug for _, each in flat]
        if resource not in slugs:
            raise NotFound(f"{path} has no resource {resource}")
        index = slugs.index(resource)
        phase, found = flat[index]
        return Lesson(
            path=path,
            path_title=taught.title,
            phase=phase.number,
            phase_title=phase.title,
            resource=found,
            article=self.articles.get(resource, ""),
            previous=slugs[index - 1] if index else None,
            following=slugs[index + 1] if index + 1 < len(slugs) else None,
        )

    # Progress

    def enrolments(self, learner: str) -> tuple[Enrolment, ...]:
        return tuple(
            Enrolment(
                path=standing.path,
                title=standing.title,
                enrolled_at=standing.enrolled_at,
                done=standing.done,
                total=standing.total,
                percent=standing.percent,
                minutes_left=standing.minutes_left,
                next=standing.next,
                finished=standing.finished,
            )
            for standing in (self.standing(learner, path) for path in self.done)
        )

    def standing(self, learner: str, path: str) -> Standing:
        taught = self.path(path)
        if path not in self.done:
            raise NotEnrolled(path=path)
        done = self.done[path]
        phases = tuple(self._phase(phase, taught, done) for phase in taught.phases)
        resources = [resource for phase in phases for resource in phase.resources]
        complete = {phase.number for phase in phases if phase.complete}
        checklist = tuple(
            CheckStanding(
                slug=item.slug,
                text=item.text,
                phase=item.phase,
                ticked=item.slug in self.ticks if item.phase is None else item.phase in complete,
            )
            for item in taught.checklist
        )
        spent = sum(resource.minutes for resource in resources if resource.state is State.DONE)
        return Standing(
            learner=learner,
            path=path,
            title=taught.title,
            enrolled_at=SINCE,
            phases=phases,
            checklist=checklist,
            next=next((resource.slug for resource in resources if resource.state is State.OPEN), None),
            done=len(done),
            total=len(resources),
            percent=100 * len(done) // len(resources),
            minutes_spent=spent,
            minutes_left=sum(resource.minutes for resource in resources) - spent,
            finished=len(done) == len(resources) and all(item.ticked for item in checklist),
        )

    def _phase(self, phase: Phase, path: LearningPath, done: set[str]) -> PhaseStanding:
        titles = {resource.slug: resource.title for each in path.phases for resource in each.resources}
        resources = []
        for resource in phase.resources:
            needs = tuple(Need(slug=slug, title=titles[slug]) for slug in resource.needs if slug not in done)
            state = State.DONE if resource.slug in done else State.LOCKED if needs else State.OPEN
            resources.append(
                ResourceStanding(
                    slug=resource.slug,
                    title=resource.title,
                    kind=resource.kind,
                    minutes=resource.minutes,
                    state=state,
                    needs=needs if state is State.LOCKED else (),
                    done_at=SINCE if state is State.DONE else None,
                )
            )
        return PhaseStanding(
            number=phase.number,
            title=phase.title,
            resources=tuple(resources),
            complete=all(resource.state is State.DONE for resource in resources),
            locked=all(resource.state is State.LOCKED for resource in resources),
        )

    def enrol(self, learner: str, path: str) -> Standing:
        self.path(path)
        self.done.setdefault(path, set())
        return self.standing(learner, path)

    def complete(self, learner: str, path: str, resource: str) -> Standing:
        needs = self._standing_of(learner, path, resource).needs
        if needs:
            raise Locked(needs=needs)
        self.done[path].add(resource)
        return self.standing(learner, path)

    def undo(self, learner: str, path: str, resource: str) -> Standing:
        self._standing_of(learner, path, resource)
        by = tuple(
            Need(slug=each.slug, title=each.title)
            for phase in self.shelf[path].phases
            for each in phase.resources
            if resource in each.needs and each.slug in self.done[path]
        )
        if by:
            raise NeededByOthers(by=by)
        self.done[path].discard(resource)
        return self.standing(learner, path)

    def _standing_of(self, learner: str, path: str, resource: str) -> ResourceStanding:
        for phase in self.standing(learner, path).phases:
            for each in phase.resources:
                if each.slug == resource:
                    return each
        raise NotFound(f"{path} has no resource {resource}")

    def tick(self, learner: str, path: str, item: str) -> Standing:
        self._box(path, item)
        self.ticks.add(item)
        return self.standing(learner, path)

    def untick(self, learner: str, path: str, item: str) -> Standing:
        self._box(path, item)
        self.ticks.discard(item)
        return self.standing(learner, path)

    def _box(self, path: str, item: str) -> None:
        for box in self.path(path).checklist:
            if box.slug == item:
                if box.phase is not None:
                    raise TicksItself(phase=box.phase)
                return
        raise NotFound(f"{path} has no box {item}")

    # Identity

    def sign_up(self, name: str, password: str, email: str) -> Session:
        if name in self.passwords:
            raise NameTaken(name=name)
        if len(password) < 8:
            raise InvalidArgument("a password has at least 8 characters", field="password")
        self._check_email(email)
        self.passwords[name] = password
        return self.begin(Learner(id=name.lower(), name=name, email=email))

    def set_email(self, learner: str, email: str) -> Learner:
        self._check_email(email)
        known = self.sessions[f"token-of-{learner}"]
        changed = replace(known, email=email)
        self.sessions[f"token-of-{learner}"] = changed
        return changed

    def _check_email(self, email: str) -> None:
        if email and "@" not in email:
            raise InvalidArgument("this is no email address", field="email")

    def sign_in(self, name: str, password: str) -> Session:
        if self.passwords.get(name) != password:
            raise WrongCredentials
        return self.begin(Learner(id=name.lower(), name=name))

    def begin(self, learner: Learner) -> Session:
        """Sign a learner in, without a password."""
        token = f"token-of-{learner.id}"
        self.sessions[token] = learner
        return Session(token=token, learner=learner, expires_at=LATER)

    def session(self, token: str) -> Learner:
        if token not in self.sessions:
            raise Unauthenticated
        return self.sessions[token]

    def sign_out(self, token: str) -> None:
        self.sessions.pop(token, None)

    # Search

    def search(self, text: str, path: str | None, limit: int) -> Found:
        self.looked_for.append((text, path))
        return self.found

    # Notifications

    def wishes(self, learner: str) -> Wishes:
        return Wishes(letters=learner not in self.unwanted)

    def wish(self, learner: str, letters: bool) -> Wishes:
        (self.unwanted.discard if letters else self.unwanted.add)(learner)
        return self.wishes(learner)

    def unsubscribe(self, token: str) -> None:
        if token != "key-of-ada":
            raise NotFound("no letter has such a link")
        self.unwanted.add("ada")

    def kept(self, learner: str) -> tuple[Letter, ...]:
        if self.letters is None:
            raise SentByMail("letters are sent by mail")
        return tuple(self.letters)

    def rename(self, learner: Learner, name: str) -> None:
        """Give a signed-in learner another name."""
        self.sessions[f"token-of-{learner.id}"] = Learner(id=learner.id, name=name)

    def publish(self, **changes: Any) -> None:
        """Change the path."""
        self.shelf[PATH.slug] = replace(PATH, **changes)


@pytest.fixture
def town() -> Town:
    """The services behind the site."""
    return Town()


@pytest.fixture
async def visitor(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody who is not signed in. It says where its forms come from, as browsers do."""
    website = site(lambda request: town.services())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(website, raise_app_exceptions=False),
        base_url="http://academy.test",
        headers={"sec-fetch-site": "same-origin"},
    ) as client:
        yield client


@pytest.fixture
async def ada(town: Town, visitor: httpx.AsyncClient) -> httpx.AsyncClient:
    """A browser of a learner who is signed in."""
    visitor.cookies.set("academy_session", town.begin(ADA).token, domain="academy.test")
    return visitor


@pytest.fixture
async def enrolled(town: Town, ada: httpx.AsyncClient) -> httpx.AsyncClient:
    """A browser of a learner who is enrolled in the path."""
    town.enrol(ADA.id, PATH.slug)
    return ada
