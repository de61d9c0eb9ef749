"""Search, kept in a database that can search texts."""

from __future__ import annotations

from typing import Final, final

from sqlalchemy import delete, select

from academy.catalog.contract import Catalog, Edition, PathPublished, PathRetired
from freestone import Database, errors, service, subscribe

from .contract import Found, Piece, Result, Search
from .entries import Entry, entries
from .index import Words, index_of
from .index.index import remove
from .snippet import snippet
from .tables import EntryRow, PathRow
from .words import Wanted, wanted, words

LONGEST: Final = 1000
"""Characters of a search that are looked at."""
MOST: Final = 50
"""Results that may be asked for."""


@final
@service
class SearchService(Search):
    """Keeps the words of all paths, and where they stand."""

    db: Database
    catalog: Catalog

    async def start(self) -> None:
        """Make ready to search."""
        self._index = index_of(self.db.dialect)

    async def search(self, text: str, path: str | None = None, limit: int = 20) -> Found:
        if not 1 <= limit <= MOST:
            raise errors.InvalidArgument(f"from 1 to {MOST} results can be asked for", field="limit")
        if await self.db.scalar(select(EntryRow.id).limit(1)) is None:
            return Found(empty=True)
        looked_for = wanted(text[:LONGEST])
        if not looked_for.words:
            return Found()
        found = await self._find(looked_for, every=True, path=path, limit=limit + 1)
        some = not found and len(looked_for.words) > 1
        if some:
            found = await self._find(looked_for, every=False, path=path, limit=limit + 1)
        return Found(results=tuple(found[:limit]), more=len(found) > limit, some=some and bool(found))

    async def refresh(self, path: str) -> None:
        edition = await self._edition(path)
        await self._take_in(path, edition)

    @subscribe(PathPublished, start="beginning", deadline=120)
    async def take_in(self, event: PathPublished) -> None:
        """Have a new edition be what is found of a path."""
        edition = await self._edition(event.path)
        known = await self.db.get(PathRow, event.path)
        if edition is None or known is None or known.edition != edition.number:
            await self._take_in(event.path, edition)

    @subscribe(PathRetired, start="beginning")
    async def leave_out(self, event: PathRetired) -> None:
        """Have nothing be found of a path that is not taught any more; unless it is taught again by now."""
        await self.refresh(event.path)

    async def _edition(self, path: str) -> Edition | None:
        """Return the path as the catalog has it now; None if it has none."""
        try:
            return await self.catalog.edition(path)
        except errors.NotFound:
            return None

    async def _take_in(self, path: str, edition: Edition | None) -> None:
        """Put an edition in the place of what is there of its path."""
        old = (await self.db.scalars(select(EntryRow.id).where(EntryRow.path == path))).all()
        if old:
            await self.db.execute(remove(old))
            await self.db.execute(delete(EntryRow).where(EntryRow.path == path))
        row = await self.db.get(PathRow, path)
        if edition is None:
            if row is not None:
                await self.db.delete(row)
            return
        if row is None:
            row = PathRow(slug=path)
            self.db.add(row)
        row.title, row.edition = edition.document.path.title, edition.number
        await self.db.flush()
        for entry in entries(edition.document):
            await self._add(path, entry)

    async def _add(self, path: str, entry: Entry) -> None:
        row = EntryRow(
            path=path,
            kind=entry.kind.value,
            label=entry.label,
            phase=entry.phase,
            resource=entry.resource,
            title=entry.title,
            focus=entry.focus,
            body=entry.body,
        )
        self.db.add(row)
        await self.db.flush()
        folded = Words(*(tuple(word.folded for word in words(it)) for it in (entry.title, entry.focus, entry.body)))
        await self.db.execute(self._index.insert(row.id, folded))

    async def _find(self, looked_for: Wanted, *, every: bool, path: str | None, limit: int) -> list[Result]:
        best = await self.db.execute(self._index.find(looked_for, every=every, path=path, limit=limit))
        ranks: dict[int, float] = {row.id: row.rank for row in best}
        rows = await self.db.execute(
            select(EntryRow, PathRow.title).join(PathRow, PathRow.slug == EntryRow.path).where(EntryRow.id.in_(ranks))
        )
        found = {row.id: _result(row, title, ranks[row.id], looked_for) for row, title in rows}
        return [found[entry] for entry in ranks if entry in found]


def _result(row: EntryRow, path_title: str, rank: float, looked_for: Wanted) -> Result:
    return Result(
        kind=row.what,
        title=row.title,
        path=row.path,
        path_title=path_title,
        snippet=_snippet(row, looked_for),
        rank=rank,
        label=row.label,
        phase=row.phase,
        resource=row.resource,
    )


def _snippet(row: EntryRow, looked_for: Wanted) -> tuple[Piece, ...]:
    """Return where the words stand in the text, or else in what to look out for; or else what says the most."""
    for text in (row.body, row.focus):
        found = snippet(text, looked_for)
        if any(piece.marked for piece in found):
            return found
    return snippet(row.focus or row.body, looked_for)
