"""What makes a document one that can be taken in, and what is new in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from freestone.errors import InvalidArgument

from .contract import Document, LearningPath, Lesson, PathSummary, Resource


def check(document: Document) -> None:
    """Raise InvalidArgument, with the field at fault, if the document contradicts itself."""
    path = document.path
    if not path.slug:
        raise InvalidArgument("a path needs a slug", field="document.path.slug")
    if not path.phases:
        raise InvalidArgument("a path needs a phase", field="document.path.phases")
    seen: set[str] = set()
    for index, phase in enumerate(path.phases):
        field = f"document.path.phases[{index}]"
        if phase.number != index + 1:
            raise InvalidArgument(f"phase {phase.number} stands where phase {index + 1} is", field=f"{field}.number")
        if not phase.resources:
            raise InvalidArgument(f"phase {phase.number} has no resources", field=f"{field}.resources")
        for place, resource in enumerate(phase.resources):
            _check_resource(resource, seen, f"{field}.resources[{place}]")
            seen.add(resource.slug)
    for index, item in enumerate(path.checklist):
        if item.phase is not None and not 1 <= item.phase <= len(path.phases):
            raise InvalidArgument(f"there is no phase {item.phase}", field=f"document.path.checklist[{index}].phase")
    _check_unique([item.slug for item in path.checklist], "document.path.checklist[{}].slug")
    _check_unique([article.resource for article in document.articles], "document.articles[{}].resource")
    for index, article in enumerate(document.articles):
        if article.resource not in seen:
            field = f"document.articles[{index}].resource"
            raise InvalidArgument(f"the path has no resource {article.resource}", field=field)


def summary(path: LearningPath) -> PathSummary:
    """Return a path as a list of paths shows it."""
    every = resources(path)
    return PathSummary(
        slug=path.slug,
        title=path.title,
        overview=path.overview,
        phases=len(path.phases),
        resources=len(every),
        minutes=sum(resource.minutes for resource in every),
    )


def lesson(path: LearningPath, slug: str, article: str) -> Lesson | None:
    """Return one resource of a path with its article; None if the path has no such resource."""
    every = [(phase, resource) for phase in path.phases for resource in phase.resources]
    for index, (phase, resource) in enumerate(every):
        if resource.slug == slug:
            return Lesson(
                path=path.slug,
                path_title=path.title,
                phase=phase.number,
                phase_title=phase.title,
                resource=resource,
                article=article,
                previous=every[index - 1][1].slug if index else None,
                following=every[index + 1][1].slug if index + 1 < len(every) else None,
            )
    return None


def changes(old: Document | None, new: Document) -> tuple[str, ...]:
    """Return what is different in a new edition of a path, a sentence each; empty if nothing is."""
    if old is None:
        return (f"new path “{new.path.title}” with {_count(len(resources(new.path)), 'resource')}",)
    return (*_path_changes(old.path, new.path), *_resource_changes(old.path, new.path), *_article_changes(old, new))


def resources(path: LearningPath) -> list[Resource]:
    """Return the resources of all phases, in order."""
    return [resource for phase in path.phases for resource in phase.resources]


def _path_changes(old: LearningPath, new: LearningPath) -> Iterator[str]:
    names = {
        "title": "title",
        "overview": "overview",
        "prerequisites": "prerequisites",
        "additional": "additional resources",
        "videos": "videos",
        "checklist": "checklist",
        "notes": "notes",
    }
    for attribute, name in names.items():
        if getattr(old, attribute) != getattr(new, attribute):
            yield f"changed {name}"
    if [(phase.number, phase.title, phase.introduction) for phase in old.phases] != [
        (phase.number, phase.title, phase.introduction) for phase in new.phases
    ]:
        yield "changed phases"


def _resource_changes(old: LearningPath, new: LearningPath) -> Iterator[str]:
    before = {resource.slug: resource for resource in resources(old)}
    after = {resource.slug: resource for resource in resources(new)}
    yield from (f"removed resource “{resource.title}”" for slug, resource in before.items() if slug not in after)
    for slug, resource in after.items():
        if slug not in before:
            yield f"new resource “{resource.title}”"
        elif resource != before[slug]:
            yield f"changed resource “{resource.title}”"
    kept = [[slug for slug in some if slug in before and slug in after] for some in (before, after)]
    places = [
        {resource.slug: phase.number for phase in path.phases for resource in phase.resources} for path in (old, new)
    ]
    if kept[0] != kept[1] or any(places[0][slug] != places[1][slug] for slug in kept[0]):
        yield "changed the order of resources"


def _article_changes(old: Document, new: Document) -> Iterator[str]:
    titles = {resource.slug: resource.title for resource in (*resources(old.path), *resources(new.path))}
    before = {article.resource: article.text for article in old.articles}
    after = {article.resource: article.text for article in new.articles}
    yield from (f"removed the article of “{titles[slug]}”" for slug in before if slug not in after)
    for slug, text in after.items():
        if slug not in before:
            yield f"new article of “{titles[slug]}”"
        elif text != before[slug]:
            yield f"changed the article of “{titles[slug]}”"


def _check_resource(resource: Resource, earlier: set[str], field: str) -> None:
    if not resource.slug or resource.slug in earlier:
        raise InvalidArgument(f"the slug “{resource.slug}” is empty or taken", field=f"{field}.slug")
    if resource.minutes < 1:
        raise InvalidArgument("a resource takes at least a minute", field=f"{field}.minutes")
    for index, need in enumerate(resource.needs):
        if need not in earlier:
            raise InvalidArgument(f"“{need}” does not come before “{resource.slug}”", field=f"{field}.needs[{index}]")


def _check_unique(names: Sequence[str], field: str) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InvalidArgument(f"“{name}” is there twice", field=field.format(index))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
