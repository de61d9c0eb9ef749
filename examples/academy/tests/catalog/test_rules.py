"""What makes a document one that can be taken in, and what is new in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from academy.catalog import rules
from academy.catalog.contract import Article, ChecklistItem, Document, LearningPath, Phase, Resource
from freestone.errors import InvalidArgument

GREEN = Resource(slug="green", title="Green", kind="Article", minutes=5)
BLACK = Resource(slug="black", title="Black", kind="Article", minutes=5, needs=("green",))
TEA = Document(
    path=LearningPath(
        slug="tea",
        title="Tea",
        overview="",
        phases=(Phase(number=1, title="Leaves", resources=(GREEN,)), Phase(number=2, title="", resources=(BLACK,))),
        checklist=(ChecklistItem(slug="one", text="Phase 1 completed", phase=1),),
    ),
    articles=(Article(resource="green", text="Pick it."),),
)


def phase(*resources: Resource) -> LearningPath:
    """Return the path with other resources in its first phase, and no second one."""
    return replace(TEA.path, phases=(replace(TEA.path.phases[0], resources=resources),))


def test_takes_what_the_reader_makes() -> None:
    """A document without contradictions is taken in."""
    rules.check(TEA)


@pytest.mark.parametrize(
    ("document", "field", "message"),
    [
        (Document(path=replace(TEA.path, slug="")), "document.path.slug", "a path needs a slug"),
        (Document(path=replace(TEA.path, phases=())), "document.path.phases", "a path needs a phase"),
        (
            Document(path=replace(TEA.path, phases=TEA.path.phases[1:])),
            "document.path.phases[0].number",
            "phase 2 stands where phase 1 is",
        ),
        (Document(path=phase()), "document.path.phases[0].resources", "phase 1 has no resources"),
        (
            Document(path=phase(GREEN, GREEN)),
            "document.path.phases[0].resources[1].slug",
            "the slug “green” is empty or taken",
        ),
        (
            Document(path=phase(replace(GREEN, minutes=0))),
            "document.path.phases[0].resources[0].minutes",
            "a resource takes at least a minute",
        ),
        (
            Document(path=phase(BLACK, GREEN)),
            "document.path.phases[0].resources[0].needs[0]",
            "“green” does not come before “black”",
        ),
        (
            Document(path=replace(TEA.path, checklist=(ChecklistItem(slug="x", text="x", phase=3),))),
            "document.path.checklist[0].phase",
            "there is no phase 3",
        ),
        (
            Document(path=replace(TEA.path, checklist=(ChecklistItem(slug="x", text="x"),) * 2)),
            "document.path.checklist[1].slug",
            "“x” is there twice",
        ),
        (replace(TEA, articles=TEA.articles * 2), "document.articles[1].resource", "“green” is there twice"),
        (
            replace(TEA, articles=(Article(resource="oolong", text=""),)),
            "document.articles[0].resource",
            "the path has no resource oolong",
        ),
    ],
)
def test_refuses_a_document_that_contradicts_itself(document: Document, field: str, message: str) -> None:
    """The error has the field at fault."""
    with pytest.raises(InvalidArgument) as caught:
        rules.check(document)
    assert (caught.value.field, str(caught.value)) == (field, message)


def test_says_when_resources_change_places() -> None:
    """An order that changed is a change, within a phase and between phases."""
    free = replace(BLACK, needs=())
    one, two = Document(path=phase(GREEN, free)), Document(path=phase(free, GREEN))
    assert rules.changes(one, two) == ("changed the order of resources",)
    apart = (replace(TEA.path.phases[0], resources=(GREEN,)), replace(TEA.path.phases[1], resources=(free,)))
    assert "changed the order of resources" in rules.changes(one, Document(path=replace(TEA.path, phases=apart)))


texts = st.sampled_from(["", "a", "b"])
resources = st.builds(
    Resource, slug=st.sampled_from(["x", "y", "z"]), title=texts, kind=texts, minutes=st.integers(1, 2), focus=texts
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A document out of few parts, so that two of them are often alike."""
    some = draw(st.lists(resources, min_size=1, max_size=3, unique_by=lambda resource: resource.slug))
    cut = draw(st.integers(0, len(some) - 1))
    parts = [some[:cut], some[cut:]] if cut else [some]
    path = LearningPath(
        slug="p",
        title=draw(texts),
        overview=draw(texts),
        notes=draw(texts),
        phases=tuple(Phase(number=n, title="", resources=tuple(part)) for n, part in enumerate(parts, start=1)),
    )
    articles = draw(st.lists(st.sampled_from(some), unique_by=lambda resource: resource.slug, max_size=2))
    return Document(path=path, articles=tuple(Article(resource=it.slug, text=draw(texts)) for it in articles))


def alike(one: Document, other: Document) -> bool:
    """Whether two documents say the same; the order of articles says nothing."""
    articles = [{article.resource: article.text for article in document.articles} for document in (one, other)]
    return one.path == other.path and articles[0] == articles[1]


@given(documents(), documents())
def test_there_is_a_change_if_and_only_if_something_differs(one: Document, other: Document) -> None:
    """An import that says "nothing changed" has changed nothing, and the other way round."""
    assert (rules.changes(one, other) == ()) == alike(one, other)
    assert rules.changes(one, one) == ()
    assert len(rules.changes(None, one)) == 1
