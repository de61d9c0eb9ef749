"""Progress, kept in a database.

Each method asks the catalog first and opens its transaction after that, so that no lock is held while another
service works; then the rules decide, and what they decided is written.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import final

from sqlalchemy import select

from academy.catalog.contract import Catalog, LearningPath, PathPublished
from freestone import Clock, Database, Publisher, current, errors, service, subscribe

from . import rules
from .contract import (
    Enrolled,
    Enrolment,
    NotEnrolled,
    Progress,
    ResourceCompleted,
    ResourceUndone,
    Standing,
)
from .rules import Record
from .tables import CompletionRow, EnrolmentRow, MilestoneRow, TickRow


@final
@service
class ProgressService(Progress):
    """Keeps what each learner has done, and tells from the catalog's paths how far that is."""

    db: Database
    events: Publisher
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
            row = EnrolmentRow(learner=learner, path=path, enrolled_at=self.clock.now(), told=True)
            self.db.add(row)
            await self.db.flush()
            self.events.publish(
                Enrolled(
                    learner=learner, path=path, title=outline.title, total=rules.total(outline), at=row.enrolled_at
                )
            )
        return rules.standing(outline, await self._record(row))

    async def complete(self, learner: str, path: str, resource: str) -> Standing:
        _check_caller(learner)
        outline = await self.catalog.path(path)
        record = await self._enrolled(learner, path)
        rules.check_complete(outline, record.done, resource)
        if resource in record.done:
            return rules.standing(outline, record)
        now = self.clock.now()
        self.db.add(CompletionRow(learner=learner, path=path, resource=resource, done_at=now))
        found = rules.standing(outline, replace(record, done={**record.done, resource: now}))
        self.events.publish(
            ResourceCompleted(
                learner=learner,
                path=path,
                title=outline.title,
                resource=resource,
                done=found.done,
                total=found.total,
                finished=found.finished,
                at=now,
            )
        )
        await self._announce(rules.standing(outline, record), found, now)
        return found

    async def undo(self, learner: str, path: str, resource: str) -> Standing:
        _check_caller(learner)
        outline = await self.catalog.path(path)
        record = await self._enrolled(learner, path)
        rules.check_undo(outline, record.done, resource)
        row = await self.db.get(CompletionRow, (learner, path, resource))
        done = {slug: moment for slug, moment in record.done.items() if slug != resource}
        found = rules.standing(outline, replace(record, done=done))
        if row is not None:
            await self.db.delete(row)
            self.events.publish(
                ResourceUndone(
                    learner=learner,
                    path=path,
                    title=outline.title,
                    resource=resource,
                    done=found.done,
                    total=found.total,
                    at=self.clock.now(),
                )
            )
        return found

    async def tick(self, learner: str, path: str, item: str) -> Standing:
        _check_caller(learner)
        outline = await self.catalog.path(path)
        record = await self._enrolled(learner, path)
        rules.check_tick(outline, item)
        found = rules.standing(outline, replace(record, ticked=record.ticked | {item}))
        if item not in record.ticked:
            now = self.clock.now()
            self.db.add(TickRow(learner=learner, path=path, item=item, ticked_at=now))
            await self._announce(rules.standing(outline, record), found, now)
        return found

    async def untick(self, learner: str, path: str, item: str) -> Standing:
        _check_caller(learner)
        outline = await self.catalog.path(path)
        record = await self._enrolled(learner, path)
        rules.check_tick(outline, item)
        row = await self.db.get(TickRow, (learner, path, item))
        if row is not None:
            await self.db.delete(row)
        return rules.standing(outline, replace(record, ticked=record.ticked - {item}))

    @subscribe(PathPublished, start="beginning", deadline=120)
    async def follow_edition(self, event: PathPublished) -> None:
        """Announce what learners have finished because a new edition of a path asks for less."""
        outline = await self._outline(event.path)
        if outline is None:
            return
        rows = await self.db.scalars(select(EnrolmentRow).where(EnrolmentRow.path == event.path))
        for row in rows.all():
            found = rules.standing(outline, await self._record(row))
            await self._announce(found, found, event.at)

    async def _outline(self, path: str) -> LearningPath | None:
        try:
            return await self.catalog.path(path)
        except errors.NotFound:
            return None

    async def _announce(self, before: Standing, after: Standing, at: datetime) -> None:
        """Announce the phases that are complete, and the path if it is finished; once each.

        Of an enrolment from before there were events, what was finished ``before`` is no news.
        """
        learner, path = after.learner, after.path
        known = set(
            await self.db.scalars(
                select(MilestoneRow.phase).where(MilestoneRow.learner == learner, MilestoneRow.path == path)
            )
        )
        row = await self.db.get(EnrolmentRow, (learner, path))
        silent = set()
        if row is not None and not row.told:
            row.told = True
            silent = {rules.milestone(event) for event in rules.reached(before, at)}
        for event in rules.reached(after, at):
            name = rules.milestone(event)
            if name not in known:
                known.add(name)
                self.db.add(MilestoneRow(learner=learner, path=path, phase=name, reached_at=at))
                if name not in silent:
                    self.events.publish(event)

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
