"""The tables of the accounts."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The tables of the accounts."""


class AccountRow(Base):
    """An account."""

    __tablename__ = "account"

    name: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int]
    movements: Mapped[int] = mapped_column(default=0)


class TransferRow(Base):
    """A transfer that was made. Nothing here keeps it from being made twice: that is what is tested."""

    __tablename__ = "transfer"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
