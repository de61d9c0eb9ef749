"""List items, as lines: what a list says once its marks and indentation are taken away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

from markdown_it.tree import SyntaxTreeNode

from .line import Line, Span, lines
from .problem import Problems

LISTS: Final = ("bullet_list", "ordered_list")

LONGEST: Final = 1000
"""Characters of a line in a list: more is a slip, and would take long to take apart."""


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """An item of a list."""

    lines: tuple[Line, ...]
    """At least one."""
    entries: tuple[Entry, ...]
    """The items of the lists in it."""

    @property
    def line(self) -> Line:
        """All its lines as one."""
        first, *rest = self.lines
        for other in rest:
            first = first.joined(other)
        return first


def entries(blocks: list[SyntaxTreeNode], what: str, problems: Problems) -> list[Entry]:
    """Return the items of all lists among the blocks.

    A list may have a lead-in before it, a paragraph that ends in a colon. Notes a problem for whatever else is
    not in a list; ``what`` says what the list is of, as "videos".
    """
    found: list[Entry] = []
    for block in blocks:
        if block.type in LISTS:
            found.extend(_items(block, what, problems))
        elif not (is_blank(block) or is_lead_in(block)):
            problems.add(_line(block), f"only a list of {what} is read here, not {_kind(block)}")
    return found


def is_lead_in(block: SyntaxTreeNode) -> bool:
    """Whether a block announces the list below it."""
    return block.type == "paragraph" and paragraph(block).rstrip().endswith(":")


def is_blank(block: SyntaxTreeNode) -> bool:
    """Whether a block says nothing: a rule, or a comment."""
    return block.type == "hr" or (block.type == "html_block" and block.content.lstrip().startswith("<!--"))


def paragraph(block: SyntaxTreeNode) -> str:
    """Return the text of a paragraph."""
    return " ".join(line.text for line in lines(block.children[0]))


def _items(block: SyntaxTreeNode, what: str, problems: Problems) -> Iterator[Entry]:
    for item in block.children:
        found: list[Line] = []
        nested: list[Entry] = []
        for child in item.children:
            if child.type == "paragraph":
                found.extend(map(_without_mark, lines(child.children[0])))
            elif child.type in LISTS:
                nested.extend(_items(child, what, problems))
            elif not is_blank(child):
                problems.add(_line(child), f"only text is read in a list of {what}, not {_kind(child)}")
        too_long = [line for line in found if len(line.text) > LONGEST]
        for line in too_long:
            problems.add(line.number, f"a line of more than {LONGEST} characters in a list of {what}")
        if found and not too_long:
            yield Entry(tuple(found), tuple(nested))
        elif not found:
            problems.add(_line(item), f"an empty item in a list of {what}")


def _without_mark(line: Line) -> Line:
    # An item that is indented too far is no item to Markdown, but a further line of the one above.
    first, *rest = line.spans
    return Line(line.number, (Span(re.sub(r"^\s*[-*+]\s+", "", first.text), first.bold, first.href), *rest))


def _kind(block: SyntaxTreeNode) -> str:
    kinds = {
        "paragraph": "a paragraph",
        "fence": "a code block",
        "code_block": "a code block",
        "blockquote": "a quotation",
        "heading": "a heading",
    }
    return kinds.get(block.type, "this")


def _line(block: SyntaxTreeNode) -> int:
    return block.map[0] + 1 if block.map else 1
