"""Academy in separate processes, of which one after the other is killed while learners go on."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from academy.catalog.contract import Catalog, Document
from academy.progress.contract import Progress
from freestone import Identity, acting_as, deadline, errors
from freestone.app import load
from freestone.testing import Processes, processes

from . import test_learning

PATH = "microservices-architecture"
KILLS = 8
SCENARIOS = [
    pytest.param(body, id=name.removeprefix("test_"))
    for name, body in vars(test_learning).items()
    if name.startswith("test_")
]


@pytest_asyncio.fixture
async def split(tmp_path: Path) -> AsyncIterator[Processes]:
    """The topology ``split``, with two replicas of *catalog*."""
    app = load(cwd=Path(__file__).parent)
    async with processes(app, "split", tmp_path) as it:
        yield it


@dataclass
class Tally:
    """What callers saw."""

    right: int = 0
    doubtful: list[errors.ServiceError] = field(default_factory=list)


async def kill_one_every_second(split: Processes, kills: int, first: asyncio.Event | None = None) -> None:
    """Kill the replicas of *catalog* in turns, so many times, each as soon as both serve again."""
    victims = itertools.cycle((0, 1))
    while kills:
        replicas = [it for it in split.record().replicas if it.process == "catalog"]
        if all(it.state == "running" and it.pid for it in replicas):
            pid = replicas[next(victims)].pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            kills -= 1
            if first is not None:
                first.set()
        await asyncio.sleep(1)


async def repeat(stop: asyncio.Event, act: Callable[[], Awaitable[None]]) -> None:
    while not stop.is_set():
        async with deadline(30):
            await act()


@pytest.mark.timeout(240)
async def test_queries_survive_the_death_of_a_replica_and_commands_say_what_they_know(split: Processes) -> None:
    """No wrong answer; no query fails; a command fails only with an error that says whether it may have happened."""
    catalog, progress = split.client(Catalog), split.client(Progress)
    path = await catalog.path(PATH)
    articles = [(await catalog.resource(PATH, it.slug)).article for it in path.phases[0].resources]
    document = Document(path=path)
    await progress.enrol("ada", PATH)
    reads, imports, marks = Tally(), Tally(), Tally()
    stop = asyncio.Event()

    async def read() -> None:
        assert await catalog.path(PATH) == path
        for resource, article in zip(path.phases[0].resources, articles, strict=True):
            assert (await catalog.resource(PATH, resource.slug)).article in (article, "")
        reads.right += 1

    async def read_through_progress() -> None:
        standing = await progress.standing("ada", PATH)
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
        with acting_as(Identity("ada")):
            try:
                standing = await progress.complete("ada", PATH, "microservices-basics")
                assert standing.phases[0].resources[0].state.value == "done"
                standing = await progress.undo("ada", PATH, "microservices-basics")
                assert standing.phases[0].resources[0].state.value == "open"
            except (errors.DidNotHappen, errors.MayHaveHappened) as error:
                marks.doubtful.append(error)
            else:
                marks.right += 1

    async with asyncio.TaskGroup() as group:
        for act in (read, read, read_through_progress, write, mark):
            group.create_task(repeat(stop, act))
        await kill_one_every_second(split, KILLS)
        stop.set()

    assert reads.right > 50
    assert imports.right > 10
    assert marks.right > 10
    for error in (*imports.doubtful, *marks.doubtful):
        assert isinstance(error, (errors.ConnectionLost, errors.Unavailable)), error
    restarts = sum(it.restarts for it in split.record().replicas if it.process == "catalog")
    assert restarts >= KILLS - 2  # the last two may still be on their way back


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_scenario_passes_while_replicas_are_killed(
    split: Processes, scenario: Callable[[Processes], Awaitable[None]]
) -> None:
    """The same body as in every placement. Only a command of the catalog's own may be in doubt, and says so."""
    killed = asyncio.Event()
    killer = asyncio.create_task(kill_one_every_second(split, 1000, killed))
    await killed.wait()
    try:
        await scenario(split)
    except errors.ConnectionLost as error:
        assert error.message.startswith("catalog.import_path was sent, and no answer came")  # noqa: PT017
    finally:
        killer.cancel()
        await asyncio.wait([killer])
    assert killer.cancelled()


@pytest.mark.timeout(120)
async def test_a_service_with_one_replica_is_waited_for(split: Processes) -> None:
    """While *progress* is away its callers wait, and are answered by its successor; nothing that was done is lost."""
    progress = split.client(Progress)
    await progress.enrol("ada", PATH)
    await progress.complete("ada", PATH, "microservices-basics")
    (replica,) = (it for it in split.record().replicas if it.process == "progress")
    assert replica.pid is not None
    os.kill(replica.pid, signal.SIGKILL)
    async with deadline(60):
        standing = await progress.standing("ada", PATH)
    assert standing.phases[0].resources[0].state.value == "done"
