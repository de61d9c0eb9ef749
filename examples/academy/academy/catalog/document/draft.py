"""Reads a learning path from a Markdown document.

The document is parsed as CommonMark; its headings give the sections, its lists the resources. Whatever can't be
read is a problem with a line and a reason, and all problems are reported together: a document is read wholly or
not at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final
from urllib.parse import unquote

from academy.catalog.contract import LearningPath, Phase, Resource

from .entry import LISTS, Entry, entries, is_blank, is_lead_in, paragraph
from .extras import additional, checklist, videos
from .needs import Slugged, needs
from .outline import Outline, Role, Section, outline
from .problem import Problems
from .resources import ResourceDraft, resources
from .slug import slug, unique_slugs

_ELSEWHERE = re.compile(r"https?://\S+", re.I)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:|//|#", re.I)


@final
@dataclass(frozen=True, slots=True)
class ArticleFile:
    """Where the text of a resource is."""

    resource: str
    """The slug of the resource."""
    file: str
    """Relative to the document."""
    line: int
    """Of the document, where the file is named."""


@final
@dataclass(frozen=True, slots=True)
class Draft:
    """A path as a document gives it; its articles are in files of their own, which are yet to be read."""

    path: LearningPath
    articles: tuple[ArticleFile, ...] = ()


def read(text: str, name: str) -> Draft:
    """Read a learning path from the text of a document.

    ``name`` is what the document is called in problems. Raises UnreadableDocument with every problem.

    >>> draft = read("# Tea\\n## Phase 1: Leaves\\n1. **Green tea** - [Article]\\n   - Duration: 5 min\\n", "tea.md")
    >>> draft.path.slug, draft.path.phases[0].resources[0].slug
    ('tea', 'green-tea')
    """
    problems = Problems(name)
    parts = outline(text, problems)
    if not parts.title:
        problems.check()
    slugged, any_order = _phases(parts, problems)
    path_slug = slug(parts.title)
    if not path_slug:
        problems.add(parts.line, f"the title “{parts.title}” has no letter or digit")
    phases = parts.all(Role.PHASE)
    result = LearningPath(
        slug=path_slug,
        title=parts.title,
        overview=_text(parts, Role.OVERVIEW),
        prerequisites=_text(parts, Role.PREREQUISITES),
        phases=tuple(_phase(section, slugged, any_order, problems) for section in phases),
        additional=additional(_listed(parts, Role.ADDITIONAL, "further resources", problems), problems),
        videos=videos(_listed(parts, Role.VIDEOS, "videos", problems), problems),
        checklist=checklist(_listed(parts, Role.CHECKLIST, "boxes", problems), len(phases), problems),
        notes=_text(parts, Role.NOTES),
    )
    files = tuple(_files(slugged, problems))
    problems.check()
    return Draft(result, files)


def _phases(parts: Outline, problems: Problems) -> tuple[list[Slugged], frozenset[int]]:
    """Read the resources of all phases; and which phases have theirs in any order."""
    for section in parts.all(Role.PATH):
        for block in section.blocks:
            if not (is_blank(block) or is_lead_in(block)):
                line = block.map[0] + 1 if block.map else section.line
                problems.add(line, "text outside of a phase; put it below a heading such as “Phase 1: Foundations”")
    phases = parts.all(Role.PHASE)
    if not phases and not parts.all(Role.UNKNOWN):
        problems.add(parts.line, "there is no phase; a phase has a heading such as “Phase 1: Foundations”")
    found: list[tuple[int, ResourceDraft]] = []
    any_order: set[int] = set()
    for expected, section in enumerate(phases, start=1):
        if section.number != expected:
            problems.add(section.line, f"phase {section.number} stands where phase {expected} is expected")
        lead_ins = " ".join(paragraph(block) for block in section.blocks if is_lead_in(block))
        if "any order" in lead_ins.casefold():
            any_order.add(expected)
        lists = section.blocks[_introduction(section) :]
        drafts = resources(entries(lists, "resources", problems), problems)
        if not drafts:
            problems.add(section.line, f"phase {section.number} has no resources")
        found.extend((expected, draft) for draft in drafts)
    slugs = unique_slugs(draft.title for _, draft in found)
    for _, draft in found:
        if draft.title and not slug(draft.title):
            problems.add(draft.line, f"the title “{draft.title}” has no letter or digit")
    slugged = [Slugged(name, phase, draft) for (phase, draft), name in zip(found, slugs, strict=True)]
    return slugged, frozenset(any_order)


def _phase(section: Section, every: Sequence[Slugged], any_order: frozenset[int], problems: Problems) -> Phase:
    rows = section.blocks[: _introduction(section)]
    introduction = "\n\n".join(section.source(block) for block in rows if not (is_blank(block) or is_lead_in(block)))
    return Phase(
        number=section.number,
        title=section.title,
        introduction=introduction,
        resources=tuple(
            Resource(
                slug=resource.slug,
                title=resource.draft.title,
                kind=resource.draft.kind,
                minutes=resource.draft.minutes or 0,
                focus=resource.draft.focus,
                needs=needs(resource, every, any_order, problems),
                next_step=resource.draft.next_step,
                url=resource.draft.href if _ELSEWHERE.fullmatch(resource.draft.href) else "",
            )
            for resource in every
            if resource.phase == section.number
        ),
    )


def _introduction(section: Section) -> int:
    """Return how many blocks stand before the first list."""
    for index, block in enumerate(section.blocks):
        if block.type in LISTS or block.type not in ("paragraph", "hr", "html_block"):
            return index
    return len(section.blocks)


def _text(parts: Outline, role: Role) -> str:
    section = parts.one(role)
    return section.text if section else ""


def _listed(parts: Outline, role: Role, what: str, problems: Problems) -> list[Entry]:
    section = parts.one(role)
    return entries(section.blocks, what, problems) if section else []


def _files(every: Sequence[Slugged], problems: Problems) -> list[ArticleFile]:
    files: list[ArticleFile] = []
    for resource in every:
        href, line = resource.draft.href, resource.draft.href_line
        if not href or _ELSEWHERE.fullmatch(href):
            continue
        if _ADDRESS.match(href) or href.startswith("/") or ".." in href.split("/"):
            problems.add(line, f"“{href}” is neither a file beside the document nor an https:// address")
        else:
            files.append(ArticleFile(resource.slug, unquote(href), line))
    return files
