"""P38: a torn end is dropped and nothing else is; damage in the midst is told, and left as it is."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from freestone.data import Database
from freestone.data.wal import damaged_frame
from freestone.errors import DataLoss

TRANSACTIONS = 12
FRAME = 24 + 512


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A database as it lies on the disk when its process was killed: all its rows are in the WAL."""
    folder = tmp_path_factory.mktemp("crashed")
    (folder / "kept").mkdir()
    connection = sqlite3.connect(folder / "bank.db", isolation_level=None)
    for pragma in ("page_size=512", "journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE entry (number INTEGER, part INTEGER, padding TEXT)")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(TRANSACTIONS):
        connection.execute("BEGIN IMMEDIATE")
        for part in (1, 2):
            connection.execute("INSERT INTO entry VALUES (?, ?, ?)", (number, part, f"{number}".ljust(300, "x")))
        connection.execute("COMMIT")
    for name in ("bank.db", "bank.db-wal"):
        shutil.copyfile(folder / name, folder / "kept" / name)
    yield folder / "kept"
    connection.close()


def laid(crashed: Path, folder: Path, wal: bytes) -> Path:
    """Lay the database into a folder, with that for its WAL."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    shutil.copyfile(crashed / "bank.db", folder / "bank.db")
    (folder / "bank.db-wal").write_bytes(wal)
    return folder / "bank.db"


def rows(path: Path) -> dict[int, int]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return dict(connection.execute("SELECT number, count(*) FROM entry GROUP BY number").fetchall())


def whole(count: int) -> dict[int, int]:
    return dict.fromkeys(range(count), 2)


def commits(wal: bytes) -> list[int]:
    """Return where the transactions end."""
    starts = range(32, len(wal), FRAME)
    return [start + FRAME for start in starts if wal[start + 4 : start + 8] != b"\0\0\0\0"]


def test_p38_a_torn_end_drops_the_torn_transaction_alone(crashed: Path, tmp_path: Path) -> None:
    """Cut at each byte of the last two: what was whole before is there, and nothing by half."""
    wal = (crashed / "bank.db-wal").read_bytes()
    ends = commits(wal)
    assert len(ends) == TRANSACTIONS
    for length in range(ends[-3], len(wal) + 1):
        cut = wal[:length]
        assert damaged_frame(cut) is None
        assert rows(laid(crashed, tmp_path / "cut", cut)) == whole(sum(end <= length for end in ends))


async def test_p38_a_service_starts_with_a_torn_end(crashed: Path, tmp_path: Path) -> None:
    """And goes on from there."""
    wal = (crashed / "bank.db-wal").read_bytes()
    database = Database.open(laid(crashed, tmp_path / "cut", wal[:-100]))
    await database.start()
    async with database.transaction():
        await database.execute(text("INSERT INTO entry VALUES (99, 1, ''), (99, 2, '')"))
    await database.close()
    assert rows(database.path) == whole(TRANSACTIONS - 1) | {99: 2}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_p38_a_flipped_bit_is_noticed_or_is_of_the_last_transactions(
    crashed: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """Wherever it is: never is a transaction dropped in silence that has another two behind it."""
    wal = bytearray((crashed / "bank.db-wal").read_bytes())
    bit = data.draw(st.integers(0, len(wal) * 8 - 1))
    wal[bit // 8] ^= 1 << bit % 8
    if damaged_frame(bytes(wal)) is None:
        left = rows(laid(crashed, tmp_path / "flipped", bytes(wal)))
        assert left in (whole(TRANSACTIONS - 2), whole(TRANSACTIONS - 1), whole(TRANSACTIONS))


@pytest.mark.parametrize("byte", [8, 40, 32 + FRAME + 20, 32 + 5 * FRAME + 300])
async def test_p38_damage_in_the_midst_is_data_loss_and_nothing_is_deleted(
    crashed: Path, tmp_path: Path, byte: int
) -> None:
    """The service does not start, says what is damaged, and leaves the files as they are."""
    wal = bytearray((crashed / "bank.db-wal").read_bytes())
    wal[byte] ^= 4
    path = laid(crashed, tmp_path / "flipped", bytes(wal))
    before = {it.name: it.read_bytes() for it in path.parent.iterdir()}
    with pytest.raises(DataLoss, match=r"the database bank .*bank\.db-wal is damaged (at its frame \d+|in its header)"):
        await Database.open(path).start()
    assert {it.name: it.read_bytes() for it in path.parent.iterdir()} == before


def test_an_older_round_behind_the_end_is_no_damage(tmp_path: Path) -> None:
    """A WAL is written over from its beginning, and what it had before lies behind."""
    connection = sqlite3.connect(tmp_path / "bank.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE entry (number INTEGER)")
    for number in range(20):
        connection.execute("INSERT INTO entry VALUES (?)", (number,))
    connection.execute("PRAGMA wal_checkpoint(RESTART)")
    for number in range(3):
        connection.execute("INSERT INTO entry VALUES (?)", (number,))
    wal = (tmp_path / "bank.db-wal").read_bytes()
    assert damaged_frame(wal) is None
    connection.execute("BEGIN")
    connection.execute("PRAGMA cache_size=1")
    connection.executemany("INSERT INTO entry VALUES (?)", [(number,) for number in range(20_000)])
    connection.execute("ROLLBACK")
    connection.execute("INSERT INTO entry VALUES (1)")
    spilled = (tmp_path / "bank.db-wal").read_bytes()
    assert len(spilled) > len(wal)
    assert damaged_frame(spilled) is None
    connection.close()
