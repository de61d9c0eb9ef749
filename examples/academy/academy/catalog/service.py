"""The catalog, kept in a database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Final, final

import msgspec
from sqlalchemy import delete, or_, select

from freestone import Clock, Database, Publisher, errors, every, service

from . import rules
from .contract import (
    Article,
    Catalog,
    Document,
    Edition,
    Imported,
    LearningPath,
    Lesson,
    PathPublished,
    PathRetired,
    PathSummary,
)
from .document import load
from .tables import ArticleRow, PathRow, RetiredRow

SHIPPED: Final = Path(__file__).parents[1] / "paths"
"""The paths that Academy comes with: a folder each, with its document ``path.md``."""
ANNOUNCED: Final = timedelta(days=7)
"""After this time a path is announced again: half of what events are kept for by default."""


@final
@service
class CatalogService(Catalog):
    """Keeps the learning paths; has those that Academy comes with from its first start."""

    db: Database
    events: Publisher
    clock: Clock

    async def start(self) -> None:
        """Take in the shipped paths that are missing, and announce what has not been for long.

        A shipped path that was imported again since stays as it is, and one that was retired stays away.
        """
        for document in await asyncio.to_thread(_shipped):
            async with self.db.transaction():
                slug = document.path.slug
                if await self.db.get(PathRow, slug) is None and await self.db.get(RetiredRow, slug) is None:
                    await self._store(document)
        async with self.db.transaction():
            await self.announce()

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

    async def retire_path(self, path: str) -> None:
        row = await self.db.get(PathRow, path)
        if row is None:
            raise errors.NotFound(f"there is no path {path}")
        await self.db.execute(delete(ArticleRow).where(ArticleRow.path == path))
        await self.db.delete(row)
        self.db.add(RetiredRow(slug=path, edition=row.edition))
        self.events.publish(PathRetired(path=path, at=self.clock.now()))

    @every("1d")
    async def announce(self) -> None:
        """Announce every path that never was, or not for a week.

        Paths from before there were events are announced so, and events that are kept for two weeks always tell of
        all paths: a subscriber that begins with the oldest event misses none.
        """
        long_ago = self.clock.now() - ANNOUNCED
        rows = await self.db.scalars(
            select(PathRow).where(or_(PathRow.announced_at.is_(None), PathRow.announced_at < long_ago))
        )
        for row in rows:
            self._publish(row)

    def _publish(self, row: PathRow) -> None:
        row.announced_at = self.clock.now()
        self.events.publish(PathPublished(path=row.slug, title=row.title, edition=row.edition, at=row.announced_at))

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
            retired = await self.db.get(RetiredRow, path.slug)
            row = PathRow(slug=path.slug, edition=0 if retired is None else retired.edition)
            self.db.add(row)
            if retired is not None:
                await self.db.delete(retired)
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
        self._publish(row)


def _content(row: PathRow) -> LearningPath:
    return msgspec.json.decode(row.content, type=LearningPath)


def _shipped() -> list[Document]:
    return [load(file) for file in sorted(SHIPPED.glob("*/path.md"))]
