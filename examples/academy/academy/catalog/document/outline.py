"""A document's outline: which sections it has, by what their headings say.

A heading is known by its words, whatever its level, so that a document may start at any level or leave the
heading “Learning Path” out. A heading that is not known is part of the free text that it stands in, if it is below
that text's own heading; anywhere else it is a problem.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from .entry import is_blank
from .line import lines
from .problem import Problems


class Role(enum.Enum):
    """What a section is for. The value is the usual heading."""

    OVERVIEW = "Overview"
    PREREQUISITES = "Prerequisites"
    PATH = "Learning Path"
    PHASE = "Phase"
    ADDITIONAL = "Additional Resources"
    VIDEOS = "Supplementary Videos"
    CHECKLIST = "Completion Checklist"
    NOTES = "Notes"
    UNKNOWN = ""


FREE_TEXT: Final = frozenset({Role.OVERVIEW, Role.PREREQUISITES, Role.NOTES})

NAMES: Final = {
    "overview": Role.OVERVIEW,
    "about": Role.OVERVIEW,
    "description": Role.OVERVIEW,
    "introduction": Role.OVERVIEW,
    "prerequisite": Role.PREREQUISITES,
    "prerequisites": Role.PREREQUISITES,
    "requirements": Role.PREREQUISITES,
    "learning path": Role.PATH,
    "path": Role.PATH,
    "phases": Role.PATH,
    "additional resources": Role.ADDITIONAL,
    "additional reading": Role.ADDITIONAL,
    "further reading": Role.ADDITIONAL,
    "further resources": Role.ADDITIONAL,
    "supplementary videos": Role.VIDEOS,
    "additional videos": Role.VIDEOS,
    "videos": Role.VIDEOS,
    "completion checklist": Role.CHECKLIST,
    "checklist": Role.CHECKLIST,
    "note": Role.NOTES,
    "notes": Role.NOTES,
}

_PHASE = re.compile(r"phase\s+(?P<number>\d{1,4})(?!\d)\s*[:.)—–-]*\s*(?P<title>.*)", re.I)


@final
@dataclass(slots=True)
class Section:
    """A part of the document, from its heading to the next that is known."""

    role: Role
    number: int
    """Of a phase; 0 for others."""
    title: str
    """What the heading says; for a phase, without its number."""
    line: int
    """Where it begins; 1 for the document's first line."""
    body: int
    """The row, from 0, where what is below the heading begins."""
    level: int
    """Of the heading; 0 for an overview without one."""
    blocks: list[SyntaxTreeNode] = field(default_factory=list)
    rows: Sequence[str] = ()
    """What is below the heading, as it is written."""

    @property
    def text(self) -> str:
        """What is below the heading, as Markdown."""
        text = "\n".join(row.rstrip() for row in self.rows).strip("\n")
        # A rule that parts two sections is not part of either.
        return re.sub(r"\n\s*([-*_])(?:[ \t]*\1){2,}[ \t]*$", "", text).strip("\n")

    def source(self, block: SyntaxTreeNode) -> str:
        """Return one of its blocks as it is written."""
        start, end = block.map or (self.body, self.body)
        return "\n".join(row.strip() for row in self.rows[start - self.body : end - self.body]).strip("\n")


@final
@dataclass(slots=True)
class Outline:
    """A document, taken apart."""

    title: str
    line: int
    sections: list[Section]

    def all(self, role: Role) -> list[Section]:
        """Return the sections of that role."""
        return [section for section in self.sections if section.role is role]

    def one(self, role: Role) -> Section | None:
        """Return the first section of that role, if there is one."""
        return next(iter(self.all(role)), None)


def outline(text: str, problems: Problems) -> Outline:
    """Take a document apart. Notes a problem for whatever belongs to no section."""
    source = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    rows = source.split("\n")
    if rows[0].rstrip() == "---":
        problems.add(1, "front matter is not read; start with the title, as “# Microservices”")
        return Outline("", 1, [])
    found: dict[str, Any] = {}
    title, line, sections = _sections(SyntaxTreeNode(MarkdownIt("commonmark").parse(source, found)), problems)
    ends = [*(section.line - 1 for section in sections[1:]), len(rows)]
    for section, end in zip(sections, ends, strict=False):
        section.rows = rows[section.body : end]
        if section.role in FREE_TEXT:
            section.rows = [*section.rows, *_definitions(section.text, found.get("references", {}))]
    _check_repeats(sections, problems)
    return Outline(title, line, sections)


def _definitions(text: str, references: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the definitions of links that a text refers to, and that stand elsewhere in the document."""
    plain = text.casefold()
    named = [label for label in references if f"[{label.casefold()}]" in plain]
    missing = [f"[{label}]: <{references[label]['href']}>" for label in named if f"[{label.casefold()}]:" not in plain]
    return ["", *missing] if missing else []


def _sections(root: SyntaxTreeNode, problems: Problems) -> tuple[str, int, list[Section]]:
    title, line = "", 1
    titled = False
    sections: list[Section] = []
    for block in root.children:
        heading = _heading(block)
        if heading is not None and not titled and _known(heading) is None:
            title, line, titled = heading, _line(block), True
            continue
        if not titled and not is_blank(block):
            problems.add(_line(block), "the document does not start with its title, as “# Microservices”")
            titled = True
        _place(block, heading, sections, problems)
    if not titled:
        problems.add(1, "the document is empty")
    return title, line, sections


def _place(block: SyntaxTreeNode, heading: str | None, sections: list[Section], problems: Problems) -> None:
    current = sections[-1] if sections else None
    if heading is None:
        if current is None and not is_blank(block):
            # What follows the title before any heading is an overview without one.
            current = Section(Role.OVERVIEW, 0, "", _line(block), _line(block) - 1, level=0)
            sections.append(current)
        if current is not None:
            current.blocks.append(block)
        return
    level = int(block.tag[1:])
    known = _known(heading)
    if known is None and current is not None and current.role in FREE_TEXT and level > current.level > 0:
        current.blocks.append(block)
        return
    if known is None:
        problems.add(_line(block), _unknown(heading))
    # What is below a heading that is not known is kept apart, so that one mistake is not reported as many.
    role, number, title = known or (Role.UNKNOWN, 0, heading)
    sections.append(Section(role, number, title, _line(block), block.map[1] if block.map else 1, level))


def _unknown(heading: str) -> str:
    if re.match(r"phase\b", heading, re.I):
        return f"“{heading}” is not a phase's heading such as “Phase 1: Foundations”"
    usual = ", ".join(f"“{role.value}”" for role in Role if role not in (Role.PHASE, Role.UNKNOWN))
    return f"there is no section “{heading}”; there are {usual} and “Phase 1: …”"


def _heading(block: SyntaxTreeNode) -> str | None:
    if block.type != "heading":
        return None
    return " ".join(line.text for line in lines(block.children[0]))


def _known(heading: str) -> tuple[Role, int, str] | None:
    plain = re.sub(r"^\d+[.)]\s+", "", heading).rstrip(": ")
    role = NAMES.get(plain.casefold())
    if role is not None:
        return role, 0, plain
    phase = _PHASE.fullmatch(plain)
    if phase is None:
        return None
    return Role.PHASE, int(phase["number"]), phase["title"] or f"Phase {int(phase['number'])}"


def _check_repeats(sections: list[Section], problems: Problems) -> None:
    seen: dict[Role, Section] = {}
    for section in sections:
        first = seen.setdefault(section.role, section)
        if first is section or section.role in (Role.PHASE, Role.UNKNOWN):
            continue
        if first.level == 0:
            problems.add(first.line, "text above the overview; move it into the section “Overview”")
        else:
            problems.add(section.line, f"a second section “{section.role.value}”; the first is in line {first.line}")


def _line(block: SyntaxTreeNode) -> int:
    return block.map[0] + 1 if block.map else 1
