"""What the services hear of each other: the same test in every placement."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from academy.catalog.contract import Article, Catalog, Document, LearningPath, Phase, Resource
from academy.identity.contract import Learners
from academy.notifications.contract import Letter, LetterKind, Letters
from academy.progress.contract import Progress
from academy.search.contract import Found, Search
from freestone import Identity, acting_as, errors
from freestone.testing import Running

from .eventually import eventually

PATH = "microservices-architecture"
PHASE_1 = ("microservices-basics", "microservices-vs-monolith")
PASSWORD = "correct horse"

pytestmark = pytest.mark.asyncio(loop_scope="module")


def path_about(slug: str, word: str) -> Document:
    """Return a path with one article, in which that word is."""
    resource = Resource(slug="one", title="One", kind="Article", minutes=5)
    return Document(
        path=LearningPath(
            slug=slug,
            title=f"About {slug}",
            overview="",
            phases=(Phase(number=1, title="Only", resources=(resource,)),),
        ),
        articles=(Article(resource="one", text=f"It is about {word}.\n"),),
    )


def titles(found: Found) -> set[str]:
    return {it.path_title for it in found.results}


async def test_what_is_taught_can_be_found(application: Running) -> None:
    """The shipped path from the start, a new path with its import, its next edition instead; until it is retired."""
    catalog, search = application.client(Catalog), application.client(Search)
    await eventually(lambda: search.search("monolith"), lambda found: bool(found.results))
    await catalog.import_path(path_about("birds", "Kraniche"))
    await eventually(lambda: search.search("kranich"), lambda found: titles(found) == {"About birds"})
    await catalog.import_path(path_about("birds", "Störche"))
    await eventually(lambda: search.search("storche"), lambda found: titles(found) == {"About birds"})
    assert not (await search.search("kraniche")).results
    await catalog.retire_path("birds")
    await eventually(lambda: search.search("storche"), lambda found: not found.results)
    await catalog.import_path(path_about("birds", "Störche"))
    await eventually(lambda: search.search("storche"), lambda found: titles(found) == {"About birds"})


async def test_a_finished_phase_is_written_about(application: Running) -> None:
    """One letter for each phase, however often something is undone and done again; and none without an address."""
    progress, learners, letters = (application.client(it) for it in (Progress, Learners, Letters))
    ada = (await learners.sign_up("Ada of the letters", PASSWORD, "ada@example.org")).learner.id
    bob = (await learners.sign_up("Bob of the letters", PASSWORD)).learner.id

    async def kept() -> tuple[Letter, ...]:
        with acting_as(Identity(ada)):
            return await letters.kept(ada)

    for learner in (bob, ada):
        with acting_as(Identity(learner)):
            await progress.enrol(learner, PATH)
            for resource in PHASE_1:
                await progress.complete(learner, PATH, resource)
            await progress.undo(learner, PATH, PHASE_1[1])
            await progress.complete(learner, PATH, PHASE_1[1])
    (first,) = await eventually(kept, bool)
    assert first.kind is LetterKind.PHASE_FINISHED
    assert first.subject == "Phase 1 of “Microservices Architecture” is finished"
    assert "Dear Ada of the letters," in first.text
    assert "Next comes “Microservices Design”:" in first.text
    with acting_as(Identity(ada)):
        for resource in ("microservices-design", "microservices-communication", "microservices-data-management"):
            await progress.complete(ada, PATH, resource)
    second, again = await eventually(kept, lambda found: len(found) > 1)
    assert second.subject == "Phase 2 of “Microservices Architecture” is finished"
    assert again == first
    with acting_as(Identity(bob)):
        assert await letters.kept(bob) == ()


async def test_who_turns_letters_off_gets_none(application: Running) -> None:
    """From the next phase on; what comes after it is there, so it would have been."""
    progress, learners, letters = (application.client(it) for it in (Progress, Learners, Letters))
    off = (await learners.sign_up("Eve", PASSWORD, "eve@example.org")).learner.id
    with acting_as(Identity(off)):
        assert not (await letters.wish(off, False)).letters
    on = (await learners.sign_up("Cay", PASSWORD, "cay@example.org")).learner.id
    for learner in (off, on):
        with acting_as(Identity(learner)):
            await progress.enrol(learner, PATH)
            for resource in PHASE_1:
                await progress.complete(learner, PATH, resource)
    with acting_as(Identity(on)):
        await eventually(lambda: letters.kept(on), bool)
    with acting_as(Identity(off)):
        assert await letters.kept(off) == ()
    try:
        await letters.unsubscribe("made up")
    except errors.NotFound:
        return
    raise AssertionError("a link that was made up has turned letters off")


async def test_a_new_edition_finishes_a_phase(application: Running) -> None:
    """Nobody does anything but the author, and the learner gets a letter."""
    catalog, progress, learners, letters = (application.client(it) for it in (Catalog, Progress, Learners, Letters))
    document = path_about("boats", "Segel")
    (phase,) = document.path.phases
    two = (*phase.resources, Resource(slug="two", title="Two", kind="Article", minutes=5, needs=("one",)))
    longer = replace(document, path=replace(document.path, phases=(replace(phase, resources=two),)))
    await catalog.import_path(longer)
    dot = (await learners.sign_up("Dot", PASSWORD, "dot@example.org")).learner.id
    with acting_as(Identity(dot)):
        await progress.enrol(dot, "boats")
        await progress.complete(dot, "boats", "one")
    await catalog.import_path(document)
    with acting_as(Identity(dot)):
        (letter,) = await eventually(lambda: letters.kept(dot), bool)
    assert letter.subject == "Phase 1 of “About boats” is finished"
