"""The tables of notifications: what it has heard of learners, and what it has written to them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from academy.moment import Moment


class Base(DeclarativeBase):
    """The tables of notifications."""

    type_annotation_map = {datetime: Moment}


class ReaderRow(Base):
    """A learner, as somebody who gets letters."""

    __tablename__ = "reader"

    learner: Mapped[str] = mapped_column(primary_key=True)
    wants: Mapped[bool]
    token: Mapped[str] = mapped_column(unique=True)
    """By which a letter can be answered with “no more”. It can do nothing else."""
    reminded_at: Mapped[datetime | None]
    reminders: Mapped[int]
    """In a row, without progress in between."""


class StudyRow(Base):
    """A learner takes a path, as far as progress has told."""

    __tablename__ = "study"

    learner: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    done: Mapped[int]
    total: Mapped[int]
    finished: Mapped[bool]
    moved_at: Mapped[datetime] = mapped_column(index=True)
    """When something was done last."""


class LetterRow(Base):
    """A letter."""

    __tablename__ = "letter"

    id: Mapped[str] = mapped_column(primary_key=True)
    learner: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    """The value of a ``LetterKind``."""
    subject: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime] = mapped_column(index=True)
    sent_at: Mapped[datetime | None]
    outcome: Mapped[str]
    """What became of it: ``written``, ``kept``, ``sent``, ``refused``, or ``unwanted``."""
    reason: Mapped[str]
    """Why it was refused."""
