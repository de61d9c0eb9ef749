"""The tables of the journal."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The tables of the journal."""


class EntryRow(Base):
    """A movement. Nothing here keeps it from being written twice: that is what is tested."""

    __tablename__ = "entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(index=True)
    transfer: Mapped[str]
    change: Mapped[int]
    number: Mapped[int]
    balance: Mapped[int]
    place: Mapped[int]
    """How many entries the account had before: two that were written at the same time would have the same."""
