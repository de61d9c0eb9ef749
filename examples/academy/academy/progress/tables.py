"""The tables of progress."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, false
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from academy.moment import Moment


class Base(DeclarativeBase):
    """The tables of progress."""

    type_annotation_map = {datetime: Moment}


class EnrolmentRow(Base):
    """A learner takes a path."""

    __tablename__ = "enrolment"

    learner: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    enrolled_at: Mapped[datetime]
    told: Mapped[bool] = mapped_column(server_default=false())
    """Whether there are milestones of it. There are none of before there were events, until something moves."""


class CompletionRow(Base):
    """A resource that is done."""

    __tablename__ = "completion"
    __table_args__ = (
        ForeignKeyConstraint(["learner", "path"], ["enrolment.learner", "enrolment.path"], ondelete="CASCADE"),
    )

    learner: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    resource: Mapped[str] = mapped_column(primary_key=True)
    done_at: Mapped[datetime]


class MilestoneRow(Base):
    """A phase, or a whole path, that a learner was told to have finished; nobody is told twice."""

    __tablename__ = "milestone"
    __table_args__ = (
        ForeignKeyConstraint(["learner", "path"], ["enrolment.learner", "enrolment.path"], ondelete="CASCADE"),
    )

    learner: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    phase: Mapped[str] = mapped_column(primary_key=True)
    """The title of the phase, which outlasts its number when a new edition has more phases; empty for the path."""
    reached_at: Mapped[datetime]


class TickRow(Base):
    """A box that the learner has ticked."""

    __tablename__ = "tick"
    __table_args__ = (
        ForeignKeyConstraint(["learner", "path"], ["enrolment.learner", "enrolment.path"], ondelete="CASCADE"),
    )

    learner: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True)
    ticked_at: Mapped[datetime]
