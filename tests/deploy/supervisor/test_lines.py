"""Lines from bytes: nothing is lost, however the bytes come and whatever they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freestone.deploy.supervisor.lines import LineSplitter


def split(chunks: list[bytes], limit: int = 1000) -> list[str]:
    splitter = LineSplitter(limit)
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.close()


def test_a_line_that_comes_in_pieces_is_one_line() -> None:
    """A pipe may cut anywhere, in the middle of a character too."""
    text = "größer".encode()
    assert split([text[:3], text[3:] + b"\nnext\n"]) == ["größer", "next"]


def test_the_last_line_needs_no_newline() -> None:
    """What a process said before it died is shown."""
    assert split([b"whole\nbroken of"]) == ["whole", "broken of"]


def test_bytes_that_are_not_utf8_are_escaped() -> None:
    """They are shown for what they are."""
    assert split([b"caf\xe9 \xff\n"]) == ["caf\\xe9 \\xff"]


def test_a_long_line_is_cut_between_characters() -> None:
    """Its pieces are lines; no character is torn."""
    assert split(["aé".encode() * 3 + b"\n"], limit=4) == ["aéa", "éa", "é"]


def test_windows_line_ends_are_taken_off() -> None:
    """And empty lines stay."""
    assert split([b"one\r\n\r\ntwo\r\n"]) == ["one", "", "two"]


@given(st.text(st.characters(exclude_characters="\r\n")), st.integers(4, 50), st.data())
def test_nothing_is_lost_however_it_is_cut(text: str, limit: int, data: st.DataObject) -> None:
    """The pieces of a line, put together, are the line; and none is over the limit."""
    raw = text.encode("utf-8", "surrogatepass") if text.isprintable() else text.encode("utf-8", "replace")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)))))
    chunks = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    lines = split(chunks, limit)
    assert "".join(lines) == raw.decode()
    assert all(len(line.encode()) <= limit for line in lines)


@given(st.lists(st.binary(max_size=200)), st.integers(4, 50))
def test_any_bytes_become_lines(chunks: list[bytes], limit: int) -> None:
    """Nothing raises, and no line holds a newline."""
    assert all("\n" not in line for line in split(chunks, limit))
