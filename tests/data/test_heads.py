"""A database that has all of its migrations is opened without Alembic."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freestone.data import Database, MigrationError, migrate
from freestone.data.heads import heads_of, is_current
from freestone.testing import PostgresServer

PLAIN = 'revision = "{0}"\ndown_revision = {1!r}\n\n\ndef upgrade():\n    pass\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with two migrations."""
    made = tmp_path / "migrations"
    made.mkdir()
    (made / "0001_first.py").write_text(PLAIN.format("0001", None))
    (made / "0002_second.py").write_text(PLAIN.format("0002", "0001"))
    return made


@pytest.fixture
def opens(tmp_path: Path, folder: Path) -> Callable[[], list[str]]:
    """Open the database in a process of its own; return the heavy packages that it has imported for that."""
    script = (
        "import asyncio, pathlib, sys\n"
        "from freestone.data import Database\n"
        "file, folder = map(pathlib.Path, sys.argv[1:3])\n"
        "database = Database.open(file, folder, migrates=sys.argv[3] == 'yes')\n"
        "asyncio.run(database.start())\n"
        "print(*sorted({'alembic', 'mako'} & sys.modules.keys()))\n"
        "asyncio.run(database.close())\n"
    )

    def run(migrates: str = "yes") -> list[str]:
        command = [sys.executable, "-c", script, str(tmp_path / "it.db"), str(folder), migrates]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    return run


def test_alembic_is_imported_only_where_there_is_something_to_migrate(opens: Callable[..., list[str]]) -> None:
    """It costs a start more than half of what SQLAlchemy does."""
    assert opens() == ["alembic", "mako"]
    assert opens("no") == []


async def test_what_one_start_has_migrated_the_next_finds(
    tmp_path: Path, folder: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    """A migration that was added since is applied, and one that is gone is refused."""
    server: PostgresServer | None = request.getfixturevalue("postgres") if engine == "postgresql" else None
    database = Database.open(tmp_path / "it.db" if server is None else await server.create_database(), folder)
    await database.start(migrate=False)
    assert not await is_current(database, folder)
    await migrate(database, folder)
    assert await is_current(database, folder)
    (folder / "0003_third.py").write_text(PLAIN.format("0003", "0002"))
    assert not await is_current(database, folder)
    await database.close()

    await database.start()
    assert await is_current(database, folder)
    await database.close()
    (folder / "0003_third.py").unlink()
    with pytest.raises(MigrationError, match="was migrated to 0003"):
        await database.start()


def test_a_folder_ends_in_the_revision_that_no_other_follows(folder: Path) -> None:
    assert heads_of(folder) == {"0002"}


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_migrations_ends_nowhere(tmp_path: Path, there: bool) -> None:
    """Or that there is not."""
    if there:
        (tmp_path / "migrations").mkdir()
        (tmp_path / "migrations" / "__init__.py").touch()
    assert heads_of(tmp_path / "migrations") == frozenset()


@pytest.mark.parametrize(
    "script",
    [
        "def (",
        "revision = '0003'\n",
        "revision = make()\ndown_revision = '0002'\n",
        "revision = 3\ndown_revision = '0002'\n",
        PLAIN.format("0002", "0001"),
        PLAIN.format("0003", "0001"),
        PLAIN.format("0003", "0000"),
        PLAIN.format("0003", ("0001", "0002")),
        PLAIN.format("0003", "0002") + "branch_labels = ('other',)\n",
        PLAIN.format("0003", "0002") + "depends_on = '0001'\n",
        "revision = '0003'\ndown_revision = '0002'\x00",
    ],
)
def test_what_is_not_plain_to_see_is_left_to_alembic(folder: Path, script: str) -> None:
    """Branches, merges, what is computed, and every mistake."""
    (folder / "0003_third.py").write_text(script)
    assert heads_of(folder) is None


def test_what_alembic_writes_is_plain_to_see(folder: Path) -> None:
    """Its template annotates, and names what is not used."""
    (folder / "0003_third.py").write_text(
        '"""third"""\nfrom typing import Sequence, Union\n\nfrom alembic import op\n\n'
        "revision: str = '0003'\ndown_revision: Union[str, None] = '0002'\n"
        "branch_labels: Union[str, Sequence[str], None] = None\ndepends_on: Union[str, Sequence[str], None] = None\n"
    )
    assert heads_of(folder) == {"0003"}


@settings(max_examples=30)
@given(names=st.lists(st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), unique=True, max_size=6), data=st.data())
def test_it_says_what_alembic_says(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], data: st.DataObject
) -> None:
    """Whatever follows whatever: the same heads, or none."""
    from alembic.script import ScriptDirectory

    folder = tmp_path_factory.mktemp("any")
    for index, name in enumerate(names):
        after = data.draw(st.sampled_from([None, *names[:index]]))
        (folder / f"{name}.py").write_text(PLAIN.format(name, after))
    heads = ScriptDirectory(folder, version_locations=[folder]).get_heads()
    said = heads_of(folder)
    assert said == set(heads) if len(heads) <= 1 else said is None
