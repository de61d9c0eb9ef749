"""The part of a text that is shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from academy.search.contract import Piece
from academy.search.snippet import LENGTH, snippet
from academy.search.words import wanted, words

LONG = "Lorem ipsum. " * 50


def shown(text: str, looked_for: str) -> str:
    return "".join(f"[{it.text}]" if it.marked else it.text for it in snippet(text, wanted(looked_for)))


def test_the_words_are_marked_as_they_stand() -> None:
    """In the text's own spelling."""
    assert shown("Die Größe der Stücke.", "stück grosse") == "Die [Größe] der Stücke."
    assert shown("Die Größe der Stücke.", "grosse stu") == "Die [Größe] der [Stücke]."


def test_it_is_taken_from_where_most_of_the_words_are() -> None:
    """Two different words are worth more than twice the same."""
    text = f"stone stone stone {LONG} a stone and a chisel {LONG}"
    found = shown(text, "stone chisel")
    assert "a [stone] and a [chisel]" in found
    assert found.startswith("… ")
    assert found.endswith(" …")


def test_a_text_without_the_words_is_shown_from_its_beginning() -> None:
    """As the title may have them all."""
    assert shown("Cut along the grain.", "stone") == "Cut along the grain."
    assert shown(LONG, "stone").startswith("Lorem ipsum. Lorem")
    assert snippet("", wanted("stone")) == ()


@given(
    st.lists(st.sampled_from(["stone", "Stück", "chisel", "x" * 90, "—", "\n", "茶"])).map(" ".join),
    st.sampled_from(["stone", "stuck chi", "茶", "nothing", ""]),
)
def test_it_is_short_and_marks_nothing_else(text: str, looked_for: str) -> None:
    """Whatever the text is; and what is marked is what was looked for."""
    pieces = snippet(text, wanted(looked_for))
    assert sum(len(it.text) for it in pieces) <= LENGTH + len("…  …")
    assert all(it.text for it in pieces)
    kept = "".join(it.text for it in pieces).removeprefix("… ").removesuffix(" …")
    assert kept in " ".join(text.split())
    for piece in pieces:
        if piece.marked:
            assert [wanted(looked_for).matches(it.folded) for it in words(piece.text)] != [None]
    assert isinstance(pieces, tuple)
    assert all(isinstance(it, Piece) for it in pieces)
