"""What can be found of a path: the path itself, its phases and its resources."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from academy.catalog.contract import Document, LearningPath

from .contract import Kind
from .plain import plain


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can be found, with its words from the weightiest to the least."""

    kind: Kind
    title: str
    focus: str = ""
    """What to look out for."""
    body: str = ""
    """Its text, without Markdown's signs."""
    label: str = ""
    phase: int | None = None
    resource: str = ""


def entries(document: Document) -> Iterator[Entry]:
    """Give what can be found of a path."""
    path = document.path
    articles = {article.resource: article.text for article in document.articles}
    yield Entry(Kind.PATH, _composed(path.title), body=_composed(_about(path)))
    for phase in path.phases:
        introduction = _composed(plain(phase.introduction))
        yield Entry(Kind.PHASE, _composed(phase.title), body=introduction, phase=phase.number)
        for resource in phase.resources:
            yield Entry(
                Kind.RESOURCE,
                _composed(resource.title),
                focus=_composed(resource.focus),
                body=_composed(plain(articles.get(resource.slug, ""))),
                label=resource.kind,
                phase=phase.number,
                resource=resource.slug,
            )


def _about(path: LearningPath) -> str:
    more = (f"{item.title} {item.description}" for item in path.additional)
    videos = (f"{video.title} {video.source}" for video in path.videos)
    return "\n".join((plain(path.overview), plain(path.prerequisites), plain(path.notes), *more, *videos))


def _composed(text: str) -> str:
    """Return a text whose letters and accents are one character each, without what no database keeps."""
    return unicodedata.normalize("NFC", text).replace("\0", "").strip()
