"""The tables of search, beside the one of words (``index``). All can be made anew from the catalog."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from .contract import Kind


class Base(DeclarativeBase):
    """The tables of search."""


class PathRow(Base):
    """A path whose texts have come in."""

    __tablename__ = "path"

    slug: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    edition: Mapped[int]
    """The number of the catalog's edition that they are of."""


class EntryRow(Base):
    """One thing that can be found."""

    __tablename__ = "entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(ForeignKey("path.slug", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    """The value of a ``Kind``."""
    label: Mapped[str]
    phase: Mapped[int | None]
    resource: Mapped[str]
    title: Mapped[str]
    focus: Mapped[str]
    body: Mapped[str] = mapped_column(Text)

    @property
    def what(self) -> Kind:
        """What it is."""
        return Kind(self.kind)
