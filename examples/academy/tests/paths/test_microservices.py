"""The path about microservices that Academy comes with."""

from __future__ import annotations

import inspect
import linecache
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from academy.catalog.document import load, read
from academy.catalog.service import SHIPPED

FOLDER = SHIPPED / "microservices"
ARTICLES = sorted(file for file in FOLDER.glob("*.md") if file.name != "path.md")
FORM = Path(__file__).parents[1] / "catalog" / "document" / "form.md"


def test_has_the_phases_titles_kinds_and_durations_of_the_form() -> None:
    """The path is the form's, filled in: the same phases and resources, with other words about them."""
    form = read(FORM.read_text(encoding="utf-8"), "form.md").path
    path = load(FOLDER / "path.md").path
    assert (path.slug, path.title) == (form.slug, form.title)
    assert [(phase.number, phase.title) for phase in path.phases] == [
        (phase.number, phase.title) for phase in form.phases
    ]
    assert [[(r.title, r.kind, r.minutes, r.needs, r.next_step) for r in phase.resources] for phase in path.phases] == [
        [(r.title, r.kind, r.minutes, r.needs, r.next_step) for r in phase.resources] for phase in form.phases
    ]
    assert path.checklist == form.checklist
    assert path.overview != form.overview
    assert path.notes != form.notes


def test_has_an_article_for_each_resource() -> None:
    """No page of the path is empty, and none is a book."""
    document = load(FOLDER / "path.md")
    lengths = {article.resource: len(article.text.split()) for article in document.articles}
    assert set(lengths) == {resource.slug for phase in document.path.phases for resource in phase.resources}
    assert all(400 <= length <= 750 for length in lengths.values()), lengths


def test_fills_in_what_the_form_leaves_blank() -> None:
    """Each further resource has an address and a reason to read it, each video a hint where to find it."""
    path = load(FOLDER / "path.md").path
    assert all(item.url and item.description for item in path.additional)
    assert all(video.source for video in path.videos)


def code(file: Path) -> str:
    """Return an article's blocks of Python as one source, each at its own line, as errors name it."""
    source = ""
    for token in MarkdownIt("commonmark").parse(file.read_text(encoding="utf-8")):
        if token.type == "fence" and token.info == "python" and token.map:
            source += "\n" * (token.map[0] + 1 - source.count("\n")) + token.content
    # For whoever looks at the lines of what is declared there.
    linecache.cache[str(file)] = (len(source), None, source.splitlines(keepends=True), str(file))
    return source


@pytest.mark.parametrize("file", ARTICLES, ids=lambda file: file.stem)
async def test_code_in_articles_runs(file: Path) -> None:
    """Every block of Python in an article runs, after the blocks above it; and its tests pass."""
    names: dict[str, Any] = {"__name__": file.stem}
    exec(compile(code(file), str(file), "exec"), names)
    assert len(names) > 2
    for name, value in list(names.items()):
        if name.startswith("test_") and inspect.iscoroutinefunction(value):
            await value()
