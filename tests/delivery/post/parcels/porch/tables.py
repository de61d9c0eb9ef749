"""The tables of the porch."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The tables of the porch."""


class ParcelRow(Base):
    """A parcel that a handler has taken in. Nothing here keeps it from being there twice: that is what is tested."""

    __tablename__ = "parcel"

    id: Mapped[int] = mapped_column(primary_key=True)
    handler: Mapped[str]
    street: Mapped[str]
    number: Mapped[int]
