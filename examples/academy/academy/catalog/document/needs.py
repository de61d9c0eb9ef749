"""What must come first.

An author may say it: ``Dependencies: Complete Phase 1``, a title, a number in the phase (``Resource 2``), several
of them, or ``None``. That is then all that the resource needs. Where nothing is said, the order of the document
counts: a resource needs the one before it in its phase, and the first of a phase needs the whole phase before. In a
phase that announces its resources "in any order", each needs the whole phase before, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from .problem import Problems
from .resources import ResourceDraft

_NOTHING: Final = frozenset({"none", "nothing", "-", "—", "n/a"})
_VERB = re.compile(r"(?:complet(?:e|ed|ing|ion of)|finish(?:ed|ing)?|after|all of|the)\s+", re.I)
_SEPARATOR = re.compile(r"\s*(?:[,;&+.]|\band\b)\s*", re.I)
_PHASES = re.compile(r"phases?\s+(?P<number>\d{1,4})\b(?P<title>\s*\([^)]*\))?", re.I)
_RESOURCES = re.compile(r"resources?\s+(?P<number>\d{1,4})\b(?!\s+of)", re.I)
_ANOTHER = re.compile(r"(?P<number>\d{1,4})\b", re.I)
_DONE = re.compile(r"\s+(?:(?:is|are)\s+)?(?:completed|complete|done|finished)\b", re.I)
_QUOTES: Final = "\"'“”‘’«»*_`"


@final
@dataclass(frozen=True, slots=True)
class Slugged:
    """A resource with its slug and its place."""

    slug: str
    phase: int
    draft: ResourceDraft


def needs(
    resource: Slugged, every: Sequence[Slugged], any_order: frozenset[int], problems: Problems
) -> tuple[str, ...]:
    """Return the slugs of what must come before a resource, in the order of the path."""
    position = every.index(resource)
    if resource.draft.dependencies is None:
        return _by_order(resource, every[:position], any_order)
    try:
        found = _Reader(resource, every).read(resource.draft.dependencies)
    except ValueError as error:
        problems.add(resource.draft.dependencies_line, str(error))
        return ()
    later = next((other for other in every[position:] if other.slug in found), None)
    if later is not None:
        what = "itself" if later is resource else f"“{later.draft.title}”, which comes later"
        problems.add(resource.draft.dependencies_line, f"“{resource.draft.title}” needs {what}")
    return tuple(other.slug for other in every[:position] if other.slug in found)


def _by_order(resource: Slugged, earlier: Sequence[Slugged], any_order: frozenset[int]) -> tuple[str, ...]:
    here = [other.slug for other in earlier if other.phase == resource.phase]
    if here and resource.phase not in any_order:
        return (here[-1],)
    return tuple(other.slug for other in earlier if other.phase == resource.phase - 1)


class _Reader:
    """Reads one sentence about dependencies from left to right."""

    def __init__(self, resource: Slugged, every: Sequence[Slugged]) -> None:
        self._resource = resource
        self._every = every
        # The longest first: a title may begin with another one. Of two that are alike, the earlier in the path.
        self._titles = sorted(every, key=lambda other: -len(_plain(other.draft.title)))
        self._several = _PHASES

    def read(self, text: str) -> set[str]:
        rest = _plain(text)
        if rest in _NOTHING or rest.startswith("none "):
            return set()
        found: set[str] = set()
        while rest:
            verb = _VERB.match(rest)
            if verb is not None and self._title(rest) is None:
                rest = rest[verb.end() :]
                continue
            slugs, rest = self._one(rest)
            found |= slugs
            done = _DONE.match(rest)
            if done is not None:
                rest = rest[done.end() :]
            separator = _SEPARATOR.match(rest)
            if rest and separator is None:
                raise ValueError(f"the dependency “{rest.strip()}” can't be read")
            rest = rest[separator.end() :] if separator else ""
            # "Phase 1, and phase 2": a comma and a word.
            again = re.match(r"and\s+", rest)
            rest = rest[again.end() :] if again else rest
        return found

    def _one(self, rest: str) -> tuple[set[str], str]:
        title = self._title(rest)
        if title is not None:
            return {title.slug}, rest[len(_plain(title.draft.title)) :]
        for pattern in (_PHASES, _RESOURCES, _ANOTHER):
            match = pattern.match(rest)
            if match is not None:
                if pattern is not _ANOTHER:
                    self._several = pattern
                number = int(match["number"])
                slugs = self._phase(number) if self._several is _PHASES else self._numbered(number)
                return slugs, rest[match.end() :]
        raise ValueError(f"the dependency “{rest}” is neither a phase nor the title of a resource of this path")

    def _title(self, rest: str) -> Slugged | None:
        for other in self._titles:
            title = _plain(other.draft.title)
            if title and rest.startswith(title) and re.match(r"\w", rest[len(title) :]) is None:
                return other
        return None

    def _phase(self, number: int) -> set[str]:
        if number >= self._resource.phase:
            raise ValueError(
                f"“{self._resource.draft.title}” is in phase {self._resource.phase} and can't need phase {number}"
            )
        found = {other.slug for other in self._every if other.phase == number}
        if not found:
            raise ValueError(f"there is no phase {number}")
        return found

    def _numbered(self, number: int) -> set[str]:
        here = [other.slug for other in self._every if other.phase == self._resource.phase]
        if not 1 <= number <= len(here):
            raise ValueError(f"phase {self._resource.phase} has no resource {number}")
        return {here[number - 1]}


def _plain(text: str) -> str:
    return " ".join(text.translate({ord(quote): None for quote in _QUOTES}).casefold().split()).rstrip(".")
