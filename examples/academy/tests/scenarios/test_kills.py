"""Academy in separate processes, of which one after the other is killed while learners go on."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from academy.catalog.contract import Article, Catalog, Document, LearningPath
from academy.identity.contract import Learners
from academy.notifications.contract import Letters
from academy.progress.contract import Progress
from academy.search.contract import Search
from freestone import Identity, acting_as, deadline, errors
from freestone.app import App
from freestone.testing import Processes, processes

from . import test_learning
from .eventually import eventually
from .resolving import Resolving
from .test_hearing import path_about

PATH = "microservices-architecture"
KILLS = 8
SCENARIOS = [
    pytest.param(body, id=name.removeprefix("test_"))
    for name, body in vars(test_learning).items()
    if name.startswith("test_")
]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started(academy_file: App, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Processes]:
    """The topology ``split``, with two replicas of *catalog*. It is started once: each test has learners of its own."""
    async with processes(academy_file, "split", tmp_path_factory.mktemp("split")) as it:
        yield it


@pytest_asyncio.fixture(loop_scope="module")
async def split(started: Processes) -> Processes:
    """The same, when all that was killed in the test before is back."""
    async with asyncio.timeout(60):
        while not all(it.state == "running" for it in started.record().replicas):  # noqa: ASYNC110 - a file tells
            await asyncio.sleep(0.02)
    return started


@dataclass
class Tally:
    """What callers saw."""

    right: int = 0
    doubtful: list[errors.ServiceError] = field(default_factory=list)


async def hammer(
    split: Processes, victims: Sequence[int], kills: int, *, starting: bool = False, first: asyncio.Event | None = None
) -> None:
    """Each second send SIGKILL to one of those replicas of *catalog*, by chance, until so many were killed.

    Only what serves is killed, or what is still starting too. Nobody waits for what was killed to be back.
    """
    chance, loop = random.Random(1), asyncio.get_running_loop()
    due = loop.time()
    while kills:
        await asyncio.sleep(due - loop.time())
        due += 1
        replicas = [it for it in split.record().replicas if it.process == "catalog" and it.replica in victims]
        pids = [it.pid for it in replicas if it.pid and (starting or it.state == "running")]
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)
                kills -= 1
                if first is not None:
                    first.set()


async def kill_one_of_them(split: Processes) -> None:
    """The same replica each second, whether it serves yet or not."""
    await hammer(split, [0], KILLS, starting=True)


async def kill_either(split: Processes) -> None:
    """One of the two each second; the other may not be back yet."""
    await hammer(split, [0, 1], KILLS)


async def kill_both(split: Processes) -> None:
    """Both each second: there are times at which nobody serves."""
    await asyncio.gather(*(hammer(split, [number], KILLS // 2) for number in (0, 1)))


def restarts(split: Processes) -> int:
    """Return how often replicas of *catalog* were started again."""
    return sum(it.restarts for it in split.record().replicas if it.process == "catalog")


async def repeat(stop: asyncio.Event, act: Callable[[], Awaitable[None]]) -> None:
    while not stop.is_set():
        async with deadline(30):
            await act()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kill", [kill_one_of_them, kill_either, kill_both])
async def test_queries_survive_the_death_of_a_replica_and_commands_say_what_they_know(
    split: Processes, kill: Callable[[Processes], Awaitable[None]]
) -> None:
    """No wrong answer; no query fails; a command fails only with an error that says whether it may have happened."""
    catalog, progress = split.client(Catalog), split.client(Progress)
    path = await catalog.path(PATH)
    articles = [(await catalog.resource(PATH, it.slug)).article for it in path.phases[0].resources]
    assert all(articles)
    document = Document(path=path, articles=await all_articles(catalog, path))
    await progress.enrol("mia", PATH)
    reads, imports, marks, before = Tally(), Tally(), Tally(), restarts(split)
    stop = asyncio.Event()

    async def read() -> None:
        assert await catalog.path(PATH) == path
        for resource, article in zip(path.phases[0].resources, articles, strict=True):
            assert (await catalog.resource(PATH, resource.slug)).article == article
        reads.right += 1

    async def read_through_progress() -> None:
        standing = await progress.standing("mia", PATH)
        assert standing.minutes_spent + standing.minutes_left == 285
        reads.right += 1

    async def write() -> None:
        try:
            imported = await catalog.import_path(document)
        except (errors.DidNotHappen, errors.MayHaveHappened) as error:
            imports.doubtful.append(error)
        else:
            assert imported.path == PATH
            imports.right += 1

    async def mark() -> None:
        with acting_as(Identity("mia")):
            try:
                standing = await progress.complete("mia", PATH, "microservices-basics")
                assert standing.phases[0].resources[0].state.value == "done"
                standing = await progress.undo("mia", PATH, "microservices-basics")
                assert standing.phases[0].resources[0].state.value == "open"
            except (errors.DidNotHappen, errors.MayHaveHappened) as error:
                marks.doubtful.append(error)
            else:
                marks.right += 1

    async with asyncio.TaskGroup() as group:
        for act in (read, read, read_through_progress, write, mark):
            group.create_task(repeat(stop, act))
        await kill(split)
        while reads.right <= 50 or imports.right <= 10 or marks.right <= 10:
            await kill(split)  # a busy machine takes longer for as many calls
        stop.set()

    for error in (*imports.doubtful, *marks.doubtful):
        assert isinstance(error, (errors.ConnectionLost, errors.Unavailable)), error
    assert restarts(split) - before >= KILLS - 2  # the last two may still be on their way back


async def all_articles(catalog: Catalog, path: LearningPath) -> tuple[Article, ...]:
    """Return what the path's document has beside the path: to import both changes nothing for a reader."""
    lessons = [await catalog.resource(path.slug, it.slug) for phase in path.phases for it in phase.resources]
    return tuple(Article(resource=it.resource.slug, text=it.article) for it in lessons if it.article)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_scenario_passes_while_replicas_are_killed(
    split: Processes, scenario: Callable[[Resolving], Awaitable[None]]
) -> None:
    """The same body as in every placement, to its end. Only a command of the catalog's own may be in doubt: it says so,
    and is looked into.
    """
    killed = asyncio.Event()
    killer = asyncio.create_task(hammer(split, [0, 1], 1000, first=killed))
    await killed.wait()
    resolving = Resolving(split)
    try:
        await scenario(resolving)
    finally:
        killer.cancel()
        await asyncio.wait([killer])
    assert killer.cancelled()
    for doubt in resolving.doubts:
        assert doubt.message.startswith("catalog.import_path was sent, and no answer came"), doubt


@pytest.mark.timeout(240)
async def test_every_path_is_found_and_every_phase_written_about_once_whoever_is_killed(split: Processes) -> None:
    """Who announces and who hears are killed by turns while paths are imported and phases finished."""
    killed: list[str] = []

    async def kill_by_turns() -> None:
        for process in itertools.cycle(("search", "catalog", "notifications", "progress")):
            replicas = [it for it in split.record().replicas if it.process == process and it.state == "running"]
            if replicas and replicas[0].pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(replicas[0].pid, signal.SIGKILL)
                    killed.append(process)
            await asyncio.sleep(0.7)

    resolving = Resolving(split)
    learners = {}
    for name in ("Ann", "Bob"):
        session = await resolving.client(Learners).sign_up(name, "correct horse")
        learners[name] = session.learner.id
        await split.client(Learners).set_email(session.learner.id, f"{name}@example.org")
    killer = asyncio.create_task(kill_by_turns())
    words = [f"word{number:02}" for number in range(12)]  # none of which another begins with
    try:
        for number, word in enumerate(words):
            await resolving.client(Catalog).import_path(path_about(f"path-{number}", word))
            for learner in learners.values():
                with acting_as(Identity(learner)):
                    await resolving.client(Progress).enrol(learner, f"path-{number}")
                    await resolving.client(Progress).complete(learner, f"path-{number}", "one")
        while len(set(killed)) < 4:  # noqa: ASYNC110 - on a busy machine one of them may take long to be back
            await asyncio.sleep(0.1)
    finally:
        killer.cancel()
        await asyncio.wait([killer])
    assert set(killed) == {"search", "catalog", "notifications", "progress"}

    search, letters = resolving.client(Search), resolving.client(Letters)
    for number, word in enumerate(words):
        await eventually(functools.partial(search.search, word), lambda found: bool(found.results))
        assert [it.path for it in (await search.search(word)).results] == [f"path-{number}"]
    for learner in learners.values():
        with acting_as(Identity(learner)):
            found = await eventually(functools.partial(letters.kept, learner), lambda found: len(found) >= len(words))
            assert len({it.subject for it in found}) == len(found) == len(words)


@pytest.mark.timeout(120)
async def test_a_service_with_one_replica_is_waited_for(split: Processes) -> None:
    """While *progress* is away its callers wait, and are answered by its successor; nothing that was done is lost."""
    progress = split.client(Progress)
    await progress.enrol("noa", PATH)
    await progress.complete("noa", PATH, "microservices-basics")
    (replica,) = (it for it in split.record().replicas if it.process == "progress")
    assert replica.pid is not None
    os.kill(replica.pid, signal.SIGKILL)
    async with deadline(60):
        standing = await progress.standing("noa", PATH)
    assert standing.phases[0].resources[0].state.value == "done"
