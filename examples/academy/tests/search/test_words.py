"""Texts to words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.search.words import LONGEST_WORD, MOST_WORDS, Wanted, fold, wanted, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Größe", "grosse"),
        ("ÜBER", "uber"),
        ("u\u0308ber", "über"),
        ("naïve", "NAIVE"),
        ("ﬁne", "fine"),
        ("ΣΊΣΥΦΟΣ", "σισυφος"),
        ("İstanbul", "istanbul"),
    ],
)
def test_case_and_accents_make_no_difference(one: str, other: str) -> None:
    """However a word is typed, it is the same word."""
    assert fold(one) == fold(other)


def test_signs_part_words() -> None:
    """What is no letter and no digit is between words, in prose as in code."""
    assert [it.folded for it in words("event-driven `async_def` don't 3.11!")] == [
        "event", "driven", "async", "def", "don", "t", "3", "11",
    ]  # fmt: skip


def test_chinese_and_japanese_characters_are_words() -> None:
    """A part of what has no spaces is found."""
    assert [it.folded for it in words("Tea—茶道, カタ")] == ["tea", "茶", "道", "カ", "タ"]


def test_the_beginning_of_the_last_word_is_enough() -> None:
    """Of the others it is not."""
    looked_for = wanted("small pie")
    assert looked_for.matches("pieces") == 1
    assert looked_for.matches("smaller") is None


def test_a_search_has_so_many_words() -> None:
    """The rest is left out, and a word counts once."""
    assert wanted("a b a") == Wanted(("b", "a"))
    assert len(wanted(" ".join(map(str, range(1000)))).words) == MOST_WORDS


@given(st.text())
def test_every_text_has_words_that_stand_in_it(text: str) -> None:
    """No text is refused; words are plain, in order, and where they say."""
    place = 0
    for word in words(text):
        assert place <= word.start < word.end <= len(text)
        assert word.folded.isalnum()
        assert len(word.folded) <= LONGEST_WORD
        assert fold(text[word.start : word.end]) == word.folded
        place = word.end


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    """So that what is looked for meets what was kept."""
    assert fold(fold(text)) == fold(text)
