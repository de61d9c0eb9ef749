"""Lines of running text, with what is bold and what is a link."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, final

from markdown_it.tree import SyntaxTreeNode


@final
@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line, all of one kind."""

    text: str
    bold: bool = False
    href: str = ""
    """Where it leads, if it is a link."""


@final
@dataclass(frozen=True, slots=True)
class Line:
    """One line of a paragraph, a heading or a list item."""

    number: int
    """In the document; 1 for the first."""
    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        """The line without its marks."""
        return " ".join("".join(span.text for span in self.spans).split())

    @property
    def links(self) -> tuple[str, ...]:
        """Where its links lead."""
        found: list[str] = []
        for span in self.spans:
            if span.href and span.href not in found:
                found.append(span.href)
        return tuple(found)

    def joined(self, other: Line) -> Line:
        """Return this line, continued by another."""
        return Line(self.number, (*self.spans, Span(" "), *other.spans))


def lines(inline: SyntaxTreeNode) -> list[Line]:
    """Return the lines of an ``inline`` node that are not blank."""
    first = inline.map[0] + 1 if inline.map else 1
    rows: list[list[Span]] = [[]]
    _collect(inline, rows, bold=False, href="")
    numbered = (Line(first + index, tuple(spans)) for index, spans in enumerate(rows))
    return [line for line in numbered if line.text]


def _collect(node: SyntaxTreeNode, rows: list[list[Span]], *, bold: bool, href: str) -> None:
    for child in node.children:
        if child.type in ("softbreak", "hardbreak"):
            rows.append([])
        elif child.type == "strong":
            _collect(child, rows, bold=True, href=href)
        elif child.type == "link":
            _collect(child, rows, bold=bold, href=str(child.attrs.get("href", "")))
        elif child.children:
            _collect(child, rows, bold=bold, href=href)
        elif child.content:
            rows[-1].append(Span(child.content, bold, href))


DASH: Final = re.compile(r"\s+[—–|]\s*|\s*—\s+|\s+-+\s+")
"""What stands between the parts of a line."""

_STRONGEST_FIRST: Final = tuple(map(re.compile, (r"\s+—\s*|\s*—\s+", r"\s+[–|]\s*|\s*–\s+", r"\s+-+\s+", r":\s+")))


def split(text: str) -> tuple[str, str]:
    """Return the title and the rest, parted at the strongest separator: dashes part more than a colon.

    >>> split("Patterns: a catalogue — [Site]")
    ('Patterns: a catalogue', '[Site]')
    """
    for pattern in _STRONGEST_FIRST:
        match = pattern.search(text)
        if match and match.start() > 0:
            return text[: match.start()].strip(), text[match.end() :].strip()
    return text.strip(), ""


def unmarked(text: str) -> str:
    """Return the text without separators at its ends."""
    return re.sub(r"^[\s—–|:,-]+|[\s—–|:,]+$|\s+-+$", "", text)
