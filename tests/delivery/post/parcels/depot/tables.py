"""The tables of the depot."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The tables of the depot."""


class StreetRow(Base):
    """How many parcels of a street were shipped."""

    __tablename__ = "street"

    name: Mapped[str] = mapped_column(primary_key=True)
    shipped: Mapped[int]


class ConfirmedRow(Base):
    """A parcel of which the porch has said that it is there. Nothing here keeps it from being there twice."""

    __tablename__ = "confirmed"

    id: Mapped[int] = mapped_column(primary_key=True)
    street: Mapped[str]
    number: Mapped[int]
