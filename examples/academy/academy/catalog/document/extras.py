"""What a path has beside its phases: further reading, videos and the completion checklist."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from academy.catalog.contract import AdditionalResource, ChecklistItem, Video

from .duration import minutes
from .entry import Entry
from .line import DASH, Line, split, unmarked
from .problem import Problems
from .slug import unique_slugs

# The words that the empty form of a learning path has where an author has not filled it in.
_BLANKS: Final = frozenset(
    {"url/link description", "url", "link", "link description", "duration", "channel/source", "channel", "source"}
)
_ADDRESS = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]]", re.I)
_BOX = re.compile(r"\[[ xX]?\]\s*")
_PHASE = re.compile(
    r"(?:complete(?:d)?\s+|finish(?:ed)?\s+)?(?:all of\s+)?phase\s+(?P<number>\d{1,4})"
    r"(?:\s*\([^)]*\))?(?:\s+(?:is\s+)?(?:completed|complete|done|finished))?\.?",
    re.I,
)


def additional(items: Iterable[Entry], problems: Problems) -> tuple[AdditionalResource, ...]:
    """Read further reading: ``Title — description``, with a link anywhere in it or none."""
    found: list[AdditionalResource] = []
    for item in items:
        _refuse_nested(item, problems)
        title, rest, url = _title(item.line, problems)
        found.append(AdditionalResource(title=title, url=url, description=_filled(rest)))
    return tuple(found)


def videos(items: Iterable[Entry], problems: Problems) -> tuple[Video, ...]:
    """Read videos: ``Title — duration — source``, with a link anywhere in it or none."""
    found: list[Video] = []
    for item in items:
        _refuse_nested(item, problems)
        title, rest, url = _title(item.line, problems)
        length: int | None = None
        sources: list[str] = []
        for part in filter(None, map(_filled, DASH.split(rest))):
            try:
                length = minutes(part)
            except ValueError as error:
                if part[:1].isdigit() and length is None:
                    problems.add(item.line.number, str(error))
                else:
                    sources.append(part)
        found.append(Video(title=title, minutes=length, source=" — ".join(sources), url=url))
    return tuple(found)


def checklist(items: Iterable[Entry], phases: int, problems: Problems) -> tuple[ChecklistItem, ...]:
    """Read the boxes of the checklist; whether they are ticked in the document is nothing to a learner."""
    texts: list[str] = []
    numbers: list[int | None] = []
    for item in items:
        _refuse_nested(item, problems)
        text = _BOX.sub("", item.line.text, count=1) if _BOX.match(item.line.text) else item.line.text
        match = _PHASE.fullmatch(text)
        number = int(match["number"]) if match else None
        if not text:
            problems.add(item.line.number, "a box without a text")
        if number is not None and not 1 <= number <= phases:
            problems.add(item.line.number, f"“{text}”: there is no phase {number}")
        texts.append(text)
        numbers.append(number)
    return tuple(
        ChecklistItem(slug=slug, text=text, phase=number)
        for slug, text, number in zip(unique_slugs(texts), texts, numbers, strict=True)
    )


def _title(line: Line, problems: Problems) -> tuple[str, str, str]:
    """Return the title, what is said about it, and its address."""
    url = _url(line, problems)
    spans = [span for span in line.spans if span.text.strip()]
    if spans and (spans[0].bold or spans[0].href):
        size = 1
        while size < len(spans) and ((spans[0].bold and spans[size].bold) or (spans[0].href and spans[size].href)):
            size += 1
        title = "".join(span.text for span in spans[:size])
        rest = "".join(span.text for span in spans[size:])
        if rest.strip() or split(title)[1] == "" or spans[0].href:
            return _checked(unmarked(title), line, problems), _without(url, unmarked(rest)), url
    title, rest = split(line.text)
    return _checked(unmarked(_without(url, title) or title), line, problems), _without(url, rest), url


def _checked(title: str, line: Line, problems: Problems) -> str:
    if not title:
        problems.add(line.number, f"“{line.text}” has no title")
    return title


def _url(line: Line, problems: Problems) -> str:
    found = list(dict.fromkeys([*line.links, *_ADDRESS.findall(line.text)]))
    if len(found) > 1:
        problems.add(line.number, f"several links where one is read: {', '.join(found)}")
    elif found and not _ADDRESS.fullmatch(found[0]):
        problems.add(line.number, f"“{found[0]}” is not an address that starts with https:// or http://")
    return found[0] if found else ""


def _without(url: str, text: str) -> str:
    return text.replace(url, "") if url else text


def _filled(text: str) -> str:
    """Return the text without brackets around it; "" if it is a blank of the form."""
    plain = re.sub(r"^[\[(]([^\[\]()]*)[\])]$", r"\1", unmarked(text)).strip()
    return "" if plain.casefold() in _BLANKS or not any(map(str.isalnum, plain)) else plain


def _refuse_nested(item: Entry, problems: Problems) -> None:
    for nested in item.entries:
        problems.add(nested.line.number, f"“{nested.line.text}”: a list in a list is not read here")
