"""What the catalog promises.

A learning path has phases, a phase has resources in order, and each resource says what must come first.
Everything has a *slug*: a name made of its title, the same each time the document is read, fit for an
address.
"""

from __future__ import annotations

from datetime import datetime

from freestone import Contract, Event, Message, command, query


class Resource(Message):
    """One thing to study."""

    slug: str
    """Unique in its path, as ``microservices-basics``."""
    title: str
    kind: str
    """What it is, as ``Article``."""
    minutes: int
    """How long it takes; at least 1."""
    focus: str = ""
    """What to look out for: one sentence."""
    needs: tuple[str, ...] = ()
    """The slugs of the resources that must be done first. All of them come earlier in the path."""
    next_step: str = ""
    """Where to go from here, as ``Move to Phase 2``; empty if the document does not say."""
    url: str = ""
    """Where it is, if it is on somebody else's site; empty if its article is here."""


class Phase(Message):
    """A part of a path."""

    number: int
    """1 for the first."""
    title: str
    """Without its number, as ``Foundations``."""
    resources: tuple[Resource, ...]
    """In the order in which to study them; at least one."""
    introduction: str = ""
    """Markdown; empty if there is none."""


class AdditionalResource(Message):
    """Further reading."""

    title: str
    url: str = ""
    description: str = ""


class Video(Message):
    """Something to watch."""

    title: str
    minutes: int | None = None
    """How long it is, where that is known."""
    source: str = ""
    """Whose it is, or where to look for it."""
    url: str = ""


class ChecklistItem(Message):
    """A box to tick before the path is finished."""

    slug: str
    """Unique in the checklist, as ``supplementary-materials-reviewed``."""
    text: str
    phase: int | None = None
    """The number of the phase whose completion ticks the box; None if the learner ticks it."""


class LearningPath(Message):
    """A whole path, without the texts of its articles."""

    slug: str
    title: str
    overview: str
    """Markdown."""
    phases: tuple[Phase, ...]
    """At least one."""
    prerequisites: str = ""
    """Markdown; empty if there are none."""
    additional: tuple[AdditionalResource, ...] = ()
    videos: tuple[Video, ...] = ()
    checklist: tuple[ChecklistItem, ...] = ()
    notes: str = ""
    """Markdown; empty if there are none."""


class PathSummary(Message):
    """A path as a list of paths shows it."""

    slug: str
    title: str
    overview: str
    """Markdown."""
    phases: int
    """How many."""
    resources: int
    """How many."""
    minutes: int
    """How long all its resources take together."""


class Lesson(Message):
    """One resource of a path with its article, as its page shows it."""

    path: str
    """The slug of the path."""
    path_title: str
    phase: int
    """The number of the phase."""
    phase_title: str
    resource: Resource
    article: str
    """Markdown, without the title; empty if the path has no article for it."""
    previous: str | None = None
    """The slug of the resource before this one; None for the first of the path."""
    following: str | None = None
    """The slug of the resource after this one; None for the last of the path."""


class Article(Message):
    """The text of one resource."""

    resource: str
    """The slug of the resource."""
    text: str
    """Markdown, without the title."""


class Document(Message):
    """All that an author wrote: a path and its articles."""

    path: LearningPath
    articles: tuple[Article, ...] = ()
    """At most one for each resource."""


class Edition(Message):
    """A document as it is now, and which it is."""

    number: int
    """1 for the first edition of a path; each import that changes something makes the next one."""
    document: Document


class Imported(Message):
    """What an import did."""

    path: str
    """The slug of the path."""
    created: bool
    """Whether the path is new."""
    changes: tuple[str, ...]
    """What is different now, a sentence each; empty if the catalog had exactly this already."""


class PathPublished(Event, key="path"):
    """A path is new, or has a new edition; or is as it was, and announced again.

    It does not carry the path, which may have more text than a broker takes: who needs it asks ``Catalog.edition`` or
    ``Catalog.path`` for what the path is by then. The same edition may be announced several times.
    """

    path: str
    """The slug of the path."""
    title: str
    edition: int
    at: datetime


class PathRetired(Event, key="path"):
    """A path is not taught any more."""

    path: str
    at: datetime


class Catalog(Contract):
    """The learning paths."""

    @query
    async def paths(self) -> tuple[PathSummary, ...]:
        """Return a summary of every path, in the order of their titles."""
        ...

    @query
    async def path(self, path: str) -> LearningPath:
        """Return the path with that slug. Raises NotFound."""
        ...

    @query
    async def several(self, paths: tuple[str, ...]) -> tuple[LearningPath, ...]:
        """Return the paths with those slugs, in that order; one that the catalog does not have is left out."""
        ...

    @query
    async def resource(self, path: str, resource: str) -> Lesson:
        """Return one resource of a path with its article. Raises NotFound for the path or the resource."""
        ...

    @query
    async def edition(self, path: str) -> Edition:
        """Return all that an author wrote of the path with that slug, as it is now. Raises NotFound."""
        ...

    @command
    async def import_path(self, document: Document) -> Imported:
        """Make the catalog have this path, under its slug, in place of what it had there.

        To import the same document again changes nothing. Raises InvalidArgument, with the field at fault,
        for a document that contradicts itself, as one in which a resource needs another that comes later. Publishes
        PathPublished if something changes.
        """
        ...

    @command
    async def retire_path(self, path: str) -> None:
        """Teach the path no more. What learners have done in it is kept for the day on which it is imported again.

        Raises NotFound. Publishes PathRetired.
        """
        ...
