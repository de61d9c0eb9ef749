"""The first line of a resource: its title, and what stands beside it.

``**Title** — [Article]`` is the usual spelling. The title may as well be plain or a link, the dash another
separator, the brackets round or left out, and the duration may stand beside the kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, final

from .duration import minutes
from .line import Line, Span, unmarked
from .problem import Problems

_KIND = re.compile(
    r"(?:article|audio|blog|book|chapter|course|documentation|docs|example|exercise|guide|lab|lecture|lesson|paper|podcast"
    r"|post|practice|project|quiz|reading|reference|talk|test|tool|tutorial|video|webinar|workshop|\W)+",
    re.I,
)
"""Words that are taken for a kind where no bracket and no bold title says so."""

UNKNOWN_KIND: Final = "Resource"

_BRACKETS = re.compile(r"(?P<before>.*?)(?P<open>[\[(])(?P<inside>[^\[\]()]*)[\])]\s*[,;]?", re.S)
_TAIL = re.compile(r"(?P<before>.+)(?:\s+[—–|-]+\s+|:\s+)(?P<tail>.+?)", re.S)


@final
@dataclass(frozen=True, slots=True)
class Heading:
    """What a resource's first line says."""

    title: str
    kind: str
    minutes: int | None
    href: str


def heading(line: Line, problems: Problems) -> Heading:
    """Read a resource's first line. Notes what can't be read."""
    title, parts = _titled(line.spans) or _plain(line.text)
    kinds: list[str] = []
    length: int | None = None
    for part in parts:
        found = _minutes(part)
        if found is not None and length is None:
            length = found
        elif part[:1].isdigit():
            problems.add(line.number, f"“{part}” is not a duration such as “40 minutes” or “1 h 20 min”")
        else:
            kinds.append(part)
    if not title:
        problems.add(line.number, f"“{line.text}” has no title")
    if len(kinds) > 1:
        problems.add(line.number, f"“{title}” has several kinds: {', '.join(f'“{kind}”' for kind in kinds)}")
    if len(line.links) > 1:
        problems.add(line.number, f"“{title}” has several links: {', '.join(line.links)}")
    return Heading(title, kinds[0] if kinds else UNKNOWN_KIND, length, line.links[0] if line.links else "")


def _titled(spans: tuple[Span, ...]) -> tuple[str, list[str]] | None:
    """Read a line that starts with a bold or linked title; None if it does not, or is nothing else."""
    marked = [span for span in spans if span.text.strip()]
    first = marked[0]
    size = 0
    while size < len(marked) and (marked[size].bold if first.bold else marked[size].href):
        size += 1
    title = "".join(span.text for span in marked[:size])
    rest = "".join(span.text for span in marked[size:])
    if size == 0 or (size == len(marked) and first.bold and not first.href and _plain(title)[1]):
        return None
    return unmarked(" ".join(title.split())), _parts(rest)


def _plain(text: str) -> tuple[str, list[str]]:
    """Read a line without marks: from its end, as long as that is a kind or a duration."""
    parts: list[str] = []
    kind = False
    while True:
        brackets = _BRACKETS.fullmatch(text)
        tail = _TAIL.fullmatch(text)
        if brackets is not None:
            before, found = brackets["before"], _parts(brackets["inside"])
            sure = brackets["open"] == "[" and not kind
        elif tail is not None:
            before, found, sure = tail["before"], _parts(tail["tail"]), False
        else:
            break
        if not (sure or all(_minutes(part) is not None or (not kind and _is_kind(part)) for part in found)):
            break
        kind = kind or any(_minutes(part) is None for part in found)
        parts = [*found, *parts]
        text = unmarked(before)
    return unmarked(text), parts


def _parts(text: str) -> list[str]:
    pieces = re.split(r"[\[\](),;|—–]|\s-+\s|^\s*-+\s|:\s", text)
    return [plain for plain in map(unmarked, pieces) if plain]


def _is_kind(part: str) -> bool:
    return _KIND.fullmatch(part) is not None


def _minutes(part: str) -> int | None:
    try:
        return minutes(part)
    except ValueError:
        return None
