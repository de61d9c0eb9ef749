"""The resources of a phase, as its lists give them; what they need is still in the author's words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, final

from .duration import minutes
from .entry import Entry
from .heading import heading
from .line import Line
from .problem import Problems

LABELS: Final = {
    "duration": "Duration",
    "estimated time": "Duration",
    "length": "Duration",
    "time": "Duration",
    "focus": "Focus",
    "goal": "Focus",
    "next": "Next step",
    "next step": "Next step",
    "next steps": "Next step",
    "dependencies": "Dependencies",
    "dependency": "Dependencies",
    "depends on": "Dependencies",
    "needs": "Dependencies",
    "prerequisite": "Dependencies",
    "prerequisites": "Dependencies",
    "requires": "Dependencies",
    "article": "Link",
    "link": "Link",
    "url": "Link",
}
"""What may be said about a resource, by every name that it may have."""

_ATTRIBUTE = re.compile(
    rf"(?P<label>{'|'.join(sorted(LABELS, key=len, reverse=True))})(?:\s*[:=]|\s*—|\s+[–-](?=\s))\s*(?P<value>.*)", re.I
)


@final
@dataclass(slots=True)
class ResourceDraft:
    """A resource as it is written."""

    line: int
    title: str
    kind: str
    minutes: int | None
    href: str
    focus: str = ""
    next_step: str = ""
    dependencies: str | None = None
    """None if the document does not say."""
    dependencies_line: int = 0
    href_line: int = 0
    seen: set[str] = field(default_factory=set)
    """The attributes that it has so far."""


def resources(items: Iterable[Entry], problems: Problems) -> list[ResourceDraft]:
    """Read the resources of a phase. Notes what can't be read, and what is missing."""
    drafts: list[ResourceDraft] = []
    for item in items:
        if drafts and _is_attribute_alone(item):
            # Not indented far enough to be in the item above, as below "10." with three spaces.
            _attribute(drafts[-1], item, problems)
            continue
        first, *further = _paragraphs(item)
        found = heading(first, problems)
        draft = ResourceDraft(first.number, found.title, found.kind, found.minutes, found.href, href_line=first.number)
        if found.minutes is not None:
            draft.seen.add("Duration")
        drafts.append(draft)
        for line in further:
            _attribute(draft, Entry((line,), ()), problems)
        for nested in item.entries:
            _attribute(draft, nested, problems)
    for draft in drafts:
        if "Duration" not in draft.seen:
            problems.add(draft.line, f"“{draft.title}” has no duration; write “Duration: 40 minutes” below it")
    return drafts


def _paragraphs(item: Entry) -> list[Line]:
    """Return the heading and each attribute of an item whose lines are not items themselves."""
    joined = [item.lines[0]]
    for line in item.lines[1:]:
        if _ATTRIBUTE.fullmatch(line.text):
            joined.append(line)
        else:
            joined[-1] = joined[-1].joined(line)
    return joined


def _is_attribute_alone(item: Entry) -> bool:
    text = item.line.text
    return _ATTRIBUTE.fullmatch(text) is not None and not item.entries and not text.endswith("]")


def _attribute(draft: ResourceDraft, entry: Entry, problems: Problems) -> None:
    line = entry.line
    match = _ATTRIBUTE.fullmatch(line.text)
    if match is None:
        names = ", ".join(dict.fromkeys(LABELS.values()))
        problems.add(line.number, f"“{line.text}” is not one of {names}, each with a colon")
        return
    label = LABELS[match["label"].casefold()]
    value = "; ".join(filter(None, [match["value"], *(nested.line.text for nested in entry.entries)]))
    if label in draft.seen:
        problems.add(line.number, f"“{draft.title}” has a second {label}")
    elif not value:
        problems.add(line.number, f"{label} is empty")
    elif label != "Link" and line.links:
        problems.add(line.number, f"{label} has a link, which is not kept there; say “Link: {line.links[0]}”")
    else:
        _assign(draft, label, value, line, problems)
    draft.seen.add(label)


def _assign(draft: ResourceDraft, label: str, value: str, line: Line, problems: Problems) -> None:
    match label:
        case "Duration":
            try:
                draft.minutes = minutes(value)
            except ValueError as error:
                problems.add(line.number, str(error))
        case "Focus":
            draft.focus = value
        case "Next step":
            draft.next_step = value
        case "Dependencies":
            draft.dependencies, draft.dependencies_line = value, line.number
        case _:
            if draft.href:
                problems.add(line.number, f"“{draft.title}” has a second link; its title leads to {draft.href}")
            draft.href, draft.href_line = line.links[0] if line.links else value, line.number
