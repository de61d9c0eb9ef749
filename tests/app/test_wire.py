"""``[wire]`` of the application file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from freestone.app.document import Document
from freestone.app.wire import read_wire
from freestone.wire import Limits

Reading = Callable[[str], tuple[Limits, list[str]]]


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """Return a function from the text of a file to what it says, and the mistakes in it."""

    def read(text: str) -> tuple[Limits, list[str]]:
        document = Document(tmp_path / "freestone.toml", text)
        limits = read_wire(document.root().table("wire"))
        return limits, [str(mistake).removeprefix(f"{tmp_path}/freestone.toml:") for mistake in document.mistakes]

    return read


def test_nothing_is_the_default(reading: Reading) -> None:
    """The limits are the protocol's, and nothing is compressed."""
    assert reading("") == (Limits(), [])


def test_everything_can_be_set(reading: Reading) -> None:
    """Each key lands where it belongs, and what must not be over another is not."""
    limits, mistakes = reading('[wire]\ncompress = "64KiB"\nmax_message = "8MiB"\nmax_calls = 100')
    assert mistakes == []
    assert limits == Limits(frame=2**23, message=2**23, unfinished=2**24, calls=100, compress=2**16)


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [('"1000B"', 1000), ('"3KiB"', 3072), ('"2MiB"', 2**21), ('"1GiB"', 2**30), ("1500", 1500)],
)
def test_a_size_has_a_unit_or_is_a_number_of_bytes(reading: Reading, written: str, bytes_: int) -> None:
    """As people write them."""
    assert reading(f"[wire]\ncompress = {written}") == (Limits(compress=bytes_), [])


def test_a_message_may_be_larger_than_usual(reading: Reading) -> None:
    """Frames stay as they are."""
    limits, _ = reading('[wire]\nmax_message = "1GiB"')
    assert (limits.frame, limits.message, limits.unfinished) == (Limits().frame, 2**30, 2**31)


def test_all_mistakes_are_told_together(reading: Reading) -> None:
    """Each with its line and what to do, and the defaults stand."""
    limits, mistakes = reading('[wire]\ncompress = "64 KB"\nmax_message = 1000\nmax_calls = 0\nlevel = 3')
    assert limits == Limits()
    assert sorted(mistakes) == [
        '2: wire.compress: \'64 KB\' is no size; write it as "64KiB", "8MiB" or "1GiB", or as a number of bytes',
        "3: wire.max_message: it is 1000 bytes; it must be from 65536 to 1099511627776",
        "4: wire.max_calls: it is 0; it must be from 1 to 4294967295",
        "5: wire.level: there is no such key; the keys are max_message, max_calls, compress",
    ]


@pytest.mark.parametrize("written", ["true", "1.5", '"-1B"', '"²KiB"', "0", "[1]"])
def test_what_is_no_size_is_a_mistake(reading: Reading, written: str) -> None:
    """And none is guessed."""
    limits, mistakes = reading(f"[wire]\ncompress = {written}")
    assert (limits, len(mistakes)) == (Limits(), 1)


def test_compression_without_zstd_names_what_to_install(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the file is read, and not when the first process starts."""
    for module in ("backports.zstd", "compression.zstd", "backports", "compression"):
        monkeypatch.setitem(sys.modules, module, None)
    limits, mistakes = reading("[wire]\ncompress = 1000")
    assert limits == Limits()
    assert mistakes == ["2: wire.compress: zstd is not installed; install freestone[zstd]"]
