"""The tables of identity."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from academy.moment import Moment


class Base(DeclarativeBase):
    """The tables of identity."""

    type_annotation_map = {datetime: Moment}


class LearnerRow(Base):
    """A learner."""

    __tablename__ = "learner"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    """As it was given."""
    key: Mapped[str] = mapped_column(unique=True)
    """What all spellings of the name have in common."""
    password: Mapped[str]
    """An Argon2 hash, with its salt and parameters."""
    created_at: Mapped[datetime]
    email: Mapped[str] = mapped_column(server_default="")
    """Where to write to; empty if there is none."""


class SessionRow(Base):
    """A session."""

    __tablename__ = "session"

    token: Mapped[str] = mapped_column(primary_key=True)
    """The SHA-256 of the token: who reads the table can't sign in with it. A token is random, and needs no salt."""
    learner: Mapped[str] = mapped_column(ForeignKey("learner.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
