"""The catalog's tables.

A path is taken in, read and replaced as a whole, so it is stored as a whole. What a list of paths shows has columns of
its own, so that a list need not read what it does not show; and so have the articles, which are long.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from academy.moment import Moment


class Base(DeclarativeBase):
    """The catalog's tables."""

    type_annotation_map = {datetime: Moment}


class PathRow(Base):
    """A learning path."""

    __tablename__ = "path"

    slug: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    overview: Mapped[str]
    phases: Mapped[int]
    resources: Mapped[int]
    minutes: Mapped[int]
    edition: Mapped[int] = mapped_column(server_default="1")
    """Which edition it is; 1 for the first."""
    announced_at: Mapped[datetime | None]
    """When others were told of this edition last; None if they never were."""
    content: Mapped[str]
    """All of the path, as JSON."""


class RetiredRow(Base):
    """A path that is not taught any more."""

    __tablename__ = "retired"

    slug: Mapped[str] = mapped_column(primary_key=True)
    edition: Mapped[int]
    """Its last; if it is ever imported again, that is the next one."""


class ArticleRow(Base):
    """The text of a resource."""

    __tablename__ = "article"

    path: Mapped[str] = mapped_column(ForeignKey("path.slug", ondelete="CASCADE"), primary_key=True)
    resource: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]
