"""Progress, kept in a database.

Each method asks the catalog first and opens its transaction after that, so that no lock is held while another
service works; then the rules decide, and what they decided is written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import final

from sqlalchemy import select

from academy.catalog.contract import Catalog
from freestone import Clock, Database, current, errors, service

from . import rules
from .contract import Enrolment, NotEnrolled, Progress, Standing
from .rules import Record
from .tables import CompletionRow, EnrolmentRow, TickRow


@final
@service
class ProgressService(Progress):
    """Keeps what each learner has done, and tells from the catalog's paths how far that is."""

    db: Database
    catalog: Catalog
    clock: Clock

    async def enrolments(self, learner: str) -> tuple[Enrolment, ...]:
        _check_caller(learner)
        rows = await self.db.scalars(
            select(EnrolmentRow).where(EnrolmentRow.learner == learner).order_by(EnrolmentRow.enrolled_at.desc())
        )
        records = [await self._record(row) for row in rows.all()]
        paths = {path.slug: path for path in await self.catalog.several(tuple(record.path for record in records))}
        return tuple(
            rules.enrolment(rules.standing(paths[record.path], record)) for record in records if record.path in paths
        )

    async def standing(self, learner: str, path: str) -> Standing:
        _check_caller(learner)
        outline = await self.catalog.path(path)
        return rules.standing(outline, await self._enrolled(learner, path))

    async def enrol(self, learner: str, path: str) -> Standing:
        _check_caller(learner)
        outline = await self.catalog.path(path)
        row = await self.db.get(EnrolmentRow, (learner, path))
        if row is None:
            row = EnrolmentRow(learner=learner, path=path, enrolled_at=self.clock.now())
            self.db.add(row)
        return rules.standing(outline, await self._record(row))

    async def complete(self, learner: str, path: str, resource: str) -> Standing:
        _check_caller(learner)
        outline = await self.catalog.path(path)
        record = await self._enrolled(learner, path)
        rules.check_complete(outline, record.done, resource)
        if resource not in record.done:
            now = self.clock.now()
            self.db.add(CompletionRow(learner=learner, path=path, resource=resource, done_at=now))
            record = replace(record, done={**record.done, resource: now})
        return rules.standing(outline, record)

    async def undo(self, learner: str, path: str, resource: str) -> Standing:
        _check_caller(learner)
        outline = await self.catalog.path(path)
        record = await self._enrolled(learner, path)
        rules.check_undo(outline, record.done, resource)
        row = await self.db.get(CompletionRow, (learner, path, resource))
        if row is not None:
            await self.db.delete(row)
        done = {slug: moment for slug, moment in record.done.items() if slug != resource}
        return rules.standing(outline, replace(record, done=done))

    async def tick(self, learner: str, path: str, item: str) -> Standing:
        _check_caller(learner)
        outline = await self.catalog.path(path)
        record = await self._enrolled(learner, path)
        rules.check_tick(outline, item)
        if item not in record.ticked:
            self.db.add(TickRow(learner=learner, path=path, item=item, ticked_at=self.clock.now()))
        return rules.standing(outline, replace(record, ticked=record.ticked | {item}))

    async def untick(self, learner: str, path: str, item: str) -> Standing:
        _check_caller(learner)
        outline = await self.catalog.path(path)
        record = await self._enrolled(learner, path)
        rules.check_tick(outline, item)
        row = await self.db.get(TickRow, (learner, path, item))
        if row is not None:
            await self.db.delete(row)
        return rules.standing(outline, replace(record, ticked=record.ticked - {item}))

    async def _enrolled(self, learner: str, path: str) -> Record:
        """Return what the learner has done in a path. Raises NotEnrolled."""
        row = await self.db.get(EnrolmentRow, (learner, path))
        if row is None:
            raise NotEnrolled(f"the learner is not enrolled in {path}", path=path)
        return await self._record(row)

    async def _record(self, row: EnrolmentRow) -> Record:
        """Return what the learner of an enrolment has done."""
        done = await self.db.execute(
            select(CompletionRow.resource, CompletionRow.done_at).where(
                CompletionRow.learner == row.learner, CompletionRow.path == row.path
            )
        )
        ticked = await self.db.scalars(
            select(TickRow.item).where(TickRow.learner == row.learner, TickRow.path == row.path)
        )
        return Record(
            learner=row.learner,
            path=row.path,
            enrolled_at=row.enrolled_at,
            done={row.resource: row.done_at for row in done},
            ticked=frozenset(ticked),
        )


def _check_caller(learner: str) -> None:
    """Raise PermissionDenied if the call is made on behalf of another person."""
    context = current()
    if context is not None and context.identity is not None and context.identity.subject != learner:
        raise errors.PermissionDenied("what a learner has done is only for that learner to see and to change")
