"""The catalog, kept in a database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final, final

import msgspec
from sqlalchemy import delete, select

from freestone import Database, errors, service

from . import rules
from .contract import Article, Catalog, Document, Edition, Imported, LearningPath, Lesson, PathSummary
from .document import load
from .tables import ArticleRow, PathRow

SHIPPED: Final = Path(__file__).parents[1] / "paths"
"""The paths that Academy comes with: a folder each, with its document ``path.md``."""


@final
@service
class CatalogService(Catalog):
    """Keeps the learning paths; has those that Academy comes with from its first start."""

    db: Database

    async def start(self) -> None:
        """Take in the shipped paths that are missing. One that was imported again since stays as it is."""
        for document in await asyncio.to_thread(_shipped):
            async with self.db.transaction():
                if await self.db.get(PathRow, document.path.slug) is None:
                    await self._store(document)

    async def paths(self) -> tuple[PathSummary, ...]:
        rows = await self.db.execute(
            select(PathRow.slug, PathRow.title, PathRow.overview, PathRow.phases, PathRow.resources, PathRow.minutes)
        )
        found = (
            PathSummary(slug=slug, title=title, overview=overview, phases=phases, resources=resources, minutes=minutes)
            for slug, title, overview, phases, resources, minutes in rows
        )
        return tuple(sorted(found, key=lambda path: (path.title.casefold(), path.slug)))

    async def path(self, path: str) -> LearningPath:
        row = await self.db.get(PathRow, path)
        if row is None:
            raise errors.NotFound(f"there is no path {path}")
        return _content(row)

    async def several(self, paths: tuple[str, ...]) -> tuple[LearningPath, ...]:
        rows = await self.db.scalars(select(PathRow).where(PathRow.slug.in_(paths)))
        found = {row.slug: _content(row) for row in rows}
        return tuple(found[slug] for slug in paths if slug in found)

    async def resource(self, path: str, resource: str) -> Lesson:
        outline = await self.path(path)
        article = await self.db.get(ArticleRow, (path, resource))
        lesson = rules.lesson(outline, resource, article.text if article else "")
        if lesson is None:
            raise errors.NotFound(f"“{outline.title}” has no resource {resource}")
        return lesson

    async def edition(self, path: str) -> Edition:
        row = await self.db.get(PathRow, path)
        if row is None:
            raise errors.NotFound(f"there is no path {path}")
        return Edition(number=row.edition, document=await self._document_of(row))

    async def import_path(self, document: Document) -> Imported:
        rules.check(document)
        old = await self._document(document.path.slug)
        changes = rules.changes(old, document)
        if changes:
            await self._store(document)
        return Imported(path=document.path.slug, created=old is None, changes=changes)

    async def _document(self, slug: str) -> Document | None:
        row = await self.db.get(PathRow, slug)
        return None if row is None else await self._document_of(row)

    async def _document_of(self, row: PathRow) -> Document:
        articles = await self.db.scalars(
            select(ArticleRow).where(ArticleRow.path == row.slug).order_by(ArticleRow.resource)
        )
        return Document(
            path=_content(row),
            articles=tuple(Article(resource=article.resource, text=article.text) for article in articles),
        )

    async def _store(self, document: Document) -> None:
        path = document.path
        row = await self.db.get(PathRow, path.slug)
        if row is None:
            row = PathRow(slug=path.slug, edition=0)
            self.db.add(row)
        row.edition += 1
        summary = rules.summary(path)
        row.title = summary.title
        row.overview = summary.overview
        row.phases = summary.phases
        row.resources = summary.resources
        row.minutes = summary.minutes
        row.content = msgspec.json.encode(path).decode()
        await self.db.execute(delete(ArticleRow).where(ArticleRow.path == path.slug))
        self.db.add_all(
            ArticleRow(path=path.slug, resource=article.resource, text=article.text) for article in document.articles
        )


def _content(row: PathRow) -> LearningPath:
    return msgspec.json.decode(row.content, type=LearningPath)


def _shipped() -> list[Document]:
    return [load(file) for file in sorted(SHIPPED.glob("*/path.md"))]
