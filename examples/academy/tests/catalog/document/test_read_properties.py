"""Any learning path, written in any spelling, is read as itself."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from academy.catalog.contract import AdditionalResource, ChecklistItem, LearningPath, Phase, Resource, Video
from academy.catalog.document import Problem, UnreadableDocument, read
from academy.catalog.document.slug import unique_slugs

# A letter in front keeps a word from being a number, a label of an attribute, or a name of a section.
words = st.text("abcdefghijklmnopqrstuvwxyzäéñŒß微0123456789", min_size=1, max_size=8).map(lambda word: f"x{word}")
titles = st.lists(words, min_size=1, max_size=4).map(lambda some: " ".join(some).capitalize())
sentences = st.lists(words, min_size=1, max_size=12).map(lambda some: " ".join(some).capitalize() + ".")
optional = st.just("") | sentences
kinds = st.sampled_from(["Article", "Video", "Blog post", "Book"])
durations = st.integers(1, 600)
urls = st.just("") | words.map(lambda word: f"https://example.org/{word.encode().hex()}")


@st.composite
def paths(draw: st.DrawFn) -> LearningPath:
    """Any path in which each resource needs what the order says, nothing, or something earlier."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    names = draw(st.lists(titles, min_size=sum(sizes), max_size=sum(sizes)))
    slugs = unique_slugs(names)
    phases: list[Phase] = []
    for number, size in enumerate(sizes, start=1):
        start = sum(sizes[: number - 1])
        before = tuple(slugs[start - sizes[number - 2] : start]) if number > 1 else ()
        resources: list[Resource] = []
        for index in range(start, start + size):
            by_order = (slugs[index - 1],) if index > start else before
            explicit = draw(st.none() | st.sets(st.sampled_from(range(index)), max_size=3)) if index else None
            needs = by_order if explicit is None else tuple(slugs[other] for other in sorted(explicit))
            resources.append(
                Resource(
                    slug=slugs[index],
                    title=names[index],
                    kind=draw(kinds),
                    minutes=draw(durations),
                    focus=draw(optional),
                    needs=needs,
                    next_step=draw(optional),
                    url=draw(urls),
                )
            )
        phases.append(Phase(number=number, title=draw(titles), resources=tuple(resources)))
    title = draw(titles)
    own = draw(st.lists(titles, max_size=3))
    boxes = [(f"Phase {phase.number} completed", phase.number) for phase in phases] + [(text, None) for text in own]
    return LearningPath(
        slug=unique_slugs([title])[0],
        title=title,
        overview=draw(optional),
        prerequisites=draw(optional),
        phases=tuple(phases),
        additional=tuple(draw(st.lists(st.builds(AdditionalResource, titles, urls, optional), max_size=3))),
        videos=tuple(draw(st.lists(st.builds(Video, titles, st.none() | durations, optional, urls), max_size=3))),
        checklist=tuple(
            ChecklistItem(slug=slug, text=text, phase=phase)
            for slug, (text, phase) in zip(unique_slugs(text for text, _ in boxes), boxes, strict=True)
        ),
        notes=draw(optional),
    )


@dataclass(frozen=True)
class Spelling:
    """One of the many ways to write a path down."""

    level: int
    learning_path: bool
    phase: str
    bullet: str
    ordered: str
    bold: bool
    dash: str
    bracket: str
    label: str
    duration: int
    box: str
    newline: str
    mark: str
    loose: bool


spellings = st.builds(
    Spelling,
    level=st.integers(1, 3),
    learning_path=st.booleans(),
    phase=st.sampled_from(["Phase {}: {}", "phase {} — {}", "Phase {} - {}", "PHASE {}. {}"]),
    bullet=st.sampled_from("-*+"),
    ordered=st.sampled_from(["{}. ", "{}) ", "- ", "* "]),
    bold=st.booleans(),
    dash=st.sampled_from([" — ", " – ", " - ", " | "]),
    bracket=st.sampled_from(["[{}]", "({})"]),
    label=st.sampled_from(["{}: ", "**{}:** ", "*{}*: ", "{} — "]),
    duration=st.integers(0, 5),
    box=st.sampled_from(["[ ] ", "[x] ", "[X] ", ""]),
    newline=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["", "\ufeff"]),
    loose=st.booleans(),
)


class Author:
    """Writes a path down in a spelling."""

    def __init__(self, path: LearningPath, spelling: Spelling) -> None:
        self._path = path
        self._spelling = spelling
        self._rows: list[str] = []

    def write(self) -> str:
        path, spelling = self._path, self._spelling
        self._heading(0, path.title)
        self._text("Overview", path.overview)
        self._text("Prerequisites", path.prerequisites)
        if spelling.learning_path:
            self._heading(1, "Learning Path")
        for phase in path.phases:
            self._heading(2, spelling.phase.format(phase.number, phase.title))
            self._rows += ["**Resources to consume in order:**", ""]
            for number, resource in enumerate(phase.resources, start=1):
                self._resource(number, phase, resource)
            self._rows.append("")
        self._list("Additional Resources", [self._entry(a.title, a.url, a.description) for a in path.additional])
        self._list(
            "Supplementary Videos",
            [self._entry(v.title, v.url, v.minutes and self._duration(v.minutes), v.source) for v in path.videos],
        )
        self._list("Completion Checklist", [spelling.box + item.text for item in path.checklist])
        self._text("Notes", path.notes)
        return spelling.mark + spelling.newline.join(self._rows)

    def _heading(self, below: int, text: str) -> None:
        self._rows += ["#" * (self._spelling.level + below) + " " + text, ""]

    def _text(self, heading: str, text: str) -> None:
        if text:
            self._heading(1, heading)
            self._rows += [text, ""]

    def _list(self, heading: str, items: list[str]) -> None:
        if items:
            self._heading(1, heading)
            self._rows += [*(f"{self._spelling.bullet} {item}" for item in items), ""]

    def _entry(self, title: str, url: str, *rest: object) -> str:
        return self._spelling.dash.join([f"[{title}]({url})" if url else title, *(str(part) for part in rest if part)])

    def _resource(self, number: int, phase: Phase, resource: Resource) -> None:
        spelling = self._spelling
        mark = spelling.ordered.format(number)
        title = f"[{resource.title}]({resource.url})" if resource.url else resource.title
        title = f"**{title}**" if spelling.bold else title
        self._rows.append(mark + title + spelling.dash + spelling.bracket.format(resource.kind))
        attributes = {
            "Duration": self._duration(resource.minutes),
            "Focus": resource.focus,
            "Next step": resource.next_step,
            "Dependencies": self._dependencies(phase, resource),
        }
        for label, value in attributes.items():
            if value:
                blank = [""] if spelling.loose else []
                self._rows += [*blank, f"{' ' * len(mark)}{spelling.bullet} {spelling.label.format(label)}{value}"]

    def _duration(self, minutes: int) -> str:
        hours, rest = divmod(minutes, 60)
        in_hours = f"{hours} h {rest} min" if hours and rest else f"{hours} hours" if hours else f"{rest} min"
        exact = f"{minutes / 60:g} hours" if minutes % 15 == 0 else f"{minutes} mins"
        return [f"{minutes} minutes", f"{minutes} min", f"{minutes}m", in_hours, exact, f"~{minutes} minutes"][
            self._spelling.duration
        ]

    def _dependencies(self, phase: Phase, resource: Resource) -> str:
        before = [other for other in self._path.phases if other.number == phase.number - 1]
        if before and resource.needs == tuple(other.slug for other in before[0].resources):
            return f"Complete Phase {phase.number - 1}"
        titles = {other.slug: other.title for some in self._path.phases for other in some.resources}
        return ", ".join(titles[slug] for slug in resource.needs) or "None"


def titles_differ(path: LearningPath) -> bool:
    """Two resources of one title can't be told apart in a sentence about dependencies."""
    names = [resource.title.casefold() for phase in path.phases for resource in phase.resources]
    return len(set(names)) == len(names)


@settings(max_examples=150, deadline=None)
@given(paths().filter(titles_differ), spellings)
def test_any_spelling_of_a_path_is_read_as_that_path(path: LearningPath, spelling: Spelling) -> None:
    """However a path is written, it is read as the same path."""
    assert read(Author(path, spelling).write(), "path.md").path == path


PIECES = """\
# T
## Phase 1
### Phase 2: x
## Notes
## Videos
## Checklist
- a [b] — 5 min
1. **a**
   - Duration: 5 min
   - Needs: a
   - Dependencies: Phase 1 and b
[x](y.md)
```
> q
---
- [ ] x

text
- [a](https://b.org) - c
<!-- c -->
* * *
\t- Focus: x
a\tb
[
-
""".splitlines()


def outcome(text: str) -> LearningPath | tuple[Problem, ...]:
    try:
        return read(text, "path.md").path
    except UnreadableDocument as error:
        return error.problems


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=20).map("\n".join))
def test_anything_is_read_or_refused_with_lines(text: str) -> None:
    """Whatever the text is, the answer is a path or problems with lines of that text; never another error."""
    found = outcome(text)
    if isinstance(found, LearningPath):
        assert found.slug
        assert all(resource.minutes >= 1 for phase in found.phases for resource in phase.resources)
    else:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
        assert found
        assert all(1 <= problem.line <= lines and problem.reason for problem in found)
