"""Which tables a service has by its code."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone.data import METADATA, knows_tables, metadata_of
from freestone.errors import ConfigurationError


class Base(DeclarativeBase):
    pass


class Other(DeclarativeBase):
    pass


class BookRow(Base):
    __tablename__ = "book"
    isbn: Mapped[str] = mapped_column(primary_key=True)


class LetterRow(Other):
    __tablename__ = "letter"
    number: Mapped[int] = mapped_column(primary_key=True)


CORE = Table("entry", MetaData(), Column("id", Integer, primary_key=True))

Module = Callable[..., type]


@pytest.fixture
def module() -> Iterator[Module]:
    """Make a module with those names, and a class in it."""
    made: list[str] = []

    def make(name: str, **names: Any) -> type:
        it = types.ModuleType(name)
        vars(it).update(names)
        sys.modules[name] = it
        made.append(name)
        return type("ShelfService", (), {"__module__": name})

    yield make
    for name in made:
        del sys.modules[name]


def test_it_is_that_of_the_rows_that_the_service_knows(module: Module) -> None:
    """By a row, a base, a table, or the metadata itself; however many of them."""
    assert metadata_of(module("shelf_a", BookRow=BookRow)) is Base.metadata
    assert metadata_of(module("shelf_b", Base=Base, BookRow=BookRow, number=1, text="")) is Base.metadata
    assert metadata_of(module("shelf_c", ENTRY=CORE)) is CORE.metadata
    assert metadata_of(module("shelf_d", tables=Base.metadata)) is Base.metadata


def test_or_that_of_the_modules_beside_it(module: Module) -> None:
    """A service may leave its rows to a module of its package."""
    module("shelfs.tables", BookRow=BookRow)
    module("elsewhere.tables", LetterRow=LetterRow)
    assert metadata_of(module("shelfs.service")) is Base.metadata


def test_the_frameworks_own_is_none_of_a_service(module: Module) -> None:
    """And neither is one without tables."""
    cls = module("shelf_e", METADATA=METADATA, DeclarativeBase=DeclarativeBase, empty=MetaData())
    assert not knows_tables(cls)
    with pytest.raises(ConfigurationError) as caught:
        metadata_of(cls)
    assert str(caught.value) == (
        "the tables of ShelfService: none were found; import its rows, or their base, in shelf_e"
    )


def test_several_bases_are_refused(module: Module) -> None:
    """Which of them is the service's nobody can know."""
    with pytest.raises(ConfigurationError) as caught:
        metadata_of(module("shelf_f", BookRow=BookRow, LetterRow=LetterRow))
    assert str(caught.value) == (
        "the tables of ShelfService: they have several bases: that of shelf_f.BookRow and that of shelf_f.LetterRow; "
        "know those of one in shelf_f; a service has one database, and one base"
    )
