"""Names fit for an address."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.catalog.document.slug import LONGEST, slug, unique_slugs


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Microservices vs Monolith", "microservices-vs-monolith"),
        ("  What's new, in 3.12?  ", "what-s-new-in-3-12"),
        ("Café Zürich", "cafe-zurich"),
        ("Straße", "strasse"),
        ("微服务", "微服务"),
        ("C++ / C_sharp", "c-c-sharp"),
        ("—", ""),
    ],
)
def test_is_the_titles_words(title: str, expected: str) -> None:
    """A slug has the words of its title, in lower case and without accents."""
    assert slug(title) == expected


@given(st.text(max_size=200))
def test_has_letters_digits_and_single_hyphens(title: str) -> None:
    """Any title gives a slug that needs no quoting beyond its letters, and is its own slug."""
    name = slug(title)
    assert re.fullmatch(r"([^\W_]+(-[^\W_]+)*)?", name)
    assert len(name) <= LONGEST


@given(st.lists(st.sampled_from(["Design", "design!", "Design 2", "Practice"])))
def test_are_unique_and_stable(titles: list[str]) -> None:
    """No two titles of a path share a slug, and adding a title at the end renames none before it."""
    slugs = unique_slugs(titles)
    assert len(set(slugs)) == len(titles)
    assert unique_slugs([*titles, "Design"])[: len(titles)] == slugs
