"""The two kinds of index, held to the same: on a real SQLite, and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from academy.search import index as index_module
from academy.search.index import Index, Words, index_of
from academy.search.index.index import remove
from academy.search.words import wanted, words
from freestone.testing.postgres import PostgresServer

MIGRATIONS = Path(index_module.__file__).parents[1] / "migrations"


def migrate(connection: Connection, *, down: bool = False) -> None:
    """Run the service's migrations, as its start does."""
    with Operations.context(MigrationContext.configure(connection)):
        for file in sorted(MIGRATIONS.glob("*.py"), reverse=down):
            names: dict[str, object] = {}
            exec(compile(file.read_text("utf-8"), str(file), "exec"), names)
            names["downgrade" if down else "upgrade"]()  # type: ignore[operator]


@pytest.fixture(params=["sqlite", "postgresql"])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Index, AsyncConnection]]:
    """An empty index in a database of each kind."""
    url = f"sqlite+aiosqlite:///{tmp_path}/search.db"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("freestone_postgres")
        url = (await server.create_database()).replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
            await connection.execute(text("INSERT INTO path VALUES ('stones', 'Stones', 1), ('tea', 'Tea', 1)"))
            yield index_of(request.param), connection
    finally:
        await engine.dispose()


def folded(title: str, focus: str = "", body: str = "") -> Words:
    return Words(*(tuple(it.folded for it in words(some)) for some in (title, focus, body)))


async def put(kept: tuple[Index, AsyncConnection], entry: int, path: str, those: Words) -> None:
    index, connection = kept
    await connection.execute(
        text("INSERT INTO entry VALUES (:id, :path, 'path', '', NULL, '', '', '', '')").bindparams(id=entry, path=path)
    )
    await connection.execute(index.insert(entry, those))


async def find(
    kept: tuple[Index, AsyncConnection], looked_for: str, *, every: bool = True, path: str | None = None, limit: int = 9
) -> list[int]:
    index, connection = kept
    rows = await connection.execute(index.find(wanted(looked_for), every=every, path=path, limit=limit))
    found = [(row.id, row.rank) for row in rows]
    assert all(rank > 0 for _, rank in found)
    assert [rank for _, rank in found] == sorted((rank for _, rank in found), reverse=True)
    return [entry for entry, _ in found]


async def test_both_find_the_same(kept: tuple[Index, AsyncConnection]) -> None:
    """All words or any, beginnings, one path or all; what weighs most comes first; what is removed is not found."""
    filler = " ".join(f"filler{number}" for number in range(30))
    await put(kept, 1, "stones", folded("Keystone", "", filler))
    await put(kept, 2, "stones", folded("Second", "a keystone", filler))
    await put(kept, 3, "stones", folded("Third", "", f"{filler} a keystone, größer als der Rest; 茶道"))
    await put(kept, 4, "tea", folded("Fourth", "", f"{filler} Tea of the keystone \\ ' quotes"))
    await put(kept, 5, "tea", folded("Fifth", "", filler))
    assert (await find(kept, "KEYSTONE"))[:2] == [1, 2]
    assert set(await find(kept, "keystone")) == {1, 2, 3, 4}
    assert set(await find(kept, "keys")) == {1, 2, 3, 4}
    assert await find(kept, "keys tea") == []
    assert await find(kept, "keystone te") == [4]
    assert set(await find(kept, "grosser tea", every=False)) == {3, 4}
    assert await find(kept, "grö") == [3]
    assert await find(kept, "道") == [3]
    assert await find(kept, "keystone", path="tea") == [4]
    assert await find(kept, "keystone", path="coffee") == []
    assert len(await find(kept, "keystone", limit=2)) == 2
    assert await find(kept, "quotes") == [4]
    _, connection = kept
    await connection.execute(remove([1, 4]))
    assert set(await find(kept, "keystone")) == {2, 3}


@pytest.mark.parametrize(
    "awkward",
    [
        "AND",
        "or not near",
        "𝔊𝔬𝔱𝔥𝔦𝔠",
        "ſtone",
        "x" * 5000,
        "½ ² ①",
        "नमस्ते",
        "ก็",
        "e\u0301e\u0301",
        "İ ı",
        "ŉ",
        "🙂 word",
        "\u1e9e",
    ],
)
async def test_whatever_is_kept_is_found_by_itself(kept: tuple[Index, AsyncConnection], awkward: str) -> None:
    """Words of every script, and what databases take for operators."""
    if not wanted(awkward).words:
        pytest.skip("it has no words")
    await put(kept, 1, "stones", folded("", "", awkward))
    assert await find(kept, awkward) == [1]


async def test_a_huge_text_is_kept(kept: tuple[Index, AsyncConnection]) -> None:
    """Its beginning is found in every kind of database."""
    many = " ".join(f"word{number}" for number in range(120_000))
    await put(kept, 1, "stones", folded("Huge", "", many))
    assert await find(kept, "word7") == [1]


async def test_migrations_can_be_taken_back(kept: tuple[Index, AsyncConnection]) -> None:
    """Nothing is left of them."""
    _, connection = kept
    await connection.run_sync(migrate, down=True)
    await connection.run_sync(migrate)
    assert await find(kept, "stone") == []
