"""Academy on a bad day: a learner's ways, in every placement, under every fault that the kit knows.

A scenario's body is the same as on a quiet day. Its clients do what an application does that knows its commands: they
ask again, and look into what may have happened (``resolving``). Each run prints its seed; ``ACADEMY_FAULTS_SEED``
repeats it. ``make faults`` runs each fault among processes by itself as well, and each with several seeds.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from freestone import errors
from freestone.app import App, load
from freestone.testing import Placement, running
from freestone.testing.faults import (
    Cut,
    Drop,
    Failure,
    Fault,
    FaultPlan,
    Faults,
    Latency,
    Refusal,
    Slow,
)

from . import test_hearing, test_learning
from .resolving import Resolving

ORDER = (
    test_learning.test_errors_say_what_is_wrong,
    test_learning.test_who_asks_is_known_behind_every_boundary,
    test_learning.test_the_same_command_side_by_side_takes_effect_once,
    test_learning.test_what_is_undone_locks_what_follows,
    test_learning.test_phase_2_unlocks_with_phase_1,
    test_learning.test_a_deadline_ends_a_call,
    test_learning.test_a_learner_finishes_the_path,
    test_learning.test_learners_sign_up_in_and_out,
    test_learning.test_a_path_is_imported_once,
    test_learning.test_a_document_that_contradicts_itself_is_refused,
    test_learning.test_commands_side_by_side_are_all_kept,
)

HEARING = (
    # These wait for what others hear, so they do it side by side.
    test_hearing.test_what_is_taught_can_be_found,
    test_hearing.test_a_finished_phase_is_written_about,
    test_hearing.test_who_turns_letters_off_gets_none,
    test_hearing.test_a_new_edition_finishes_a_phase,
)

ON_EVERY_EDGE = {
    "late": Fault("late", Latency(0.002, spread=0.008), probability=0.5),
    "broken": Fault("broken", Failure(errors.Internal), probability=0.15),
    "lost-race": Fault("lost-race", Failure(errors.Aborted), probability=0.15),
    "refused": Fault("refused", Refusal(), probability=0.15),
    "silent": Fault("silent", Drop(), probability=0.08),
}
OVER_THE_WIRE = {
    "cut": Fault("cut", Cut(within=0.003), probability=0.04),
    "slow": Fault("slow", Slow(piece=64)),
}
EVERY = {**ON_EVERY_EDGE, **OVER_THE_WIRE}
"""One of each kind that there is."""
BAD_DAY = tuple(
    fault if isinstance(fault.what, Slow | Latency) else Fault(name, fault.what, probability=0.04)
    for name, fault in EVERY.items()
)
NEAR = (Placement.LOCAL, Placement.CODEC)

UNBEGUN = (errors.Unavailable, errors.Aborted, errors.ResourceExhausted)
DOUBTFUL = (errors.ConnectionLost, errors.DeadlineExceeded, errors.Internal)


def chosen_seed() -> int:
    return int(os.environ.get("ACADEMY_FAULTS_SEED") or random.SystemRandom().randrange(2**32))


FILE = Path(__file__).parents[2] / "freestone.toml"
IMPATIENT = """
[calls.methods]
"catalog.path"     = { deadline = "2s" }
"catalog.edition"  = { deadline = "2s" }
"identity.learner" = { deadline = "2s" }
"""
"""Who hears an event has minutes, and would give all of them to one call that nobody answers."""


@pytest.fixture
def academy(tmp_path: Path) -> App:
    """Academy, whose services ask each other again before long."""
    file = tmp_path / "freestone.toml"
    file.write_text(FILE.read_text("utf-8") + IMPATIENT, "utf-8")
    return load(file)


async def go_through(
    academy: App, placement: Placement, faults: tuple[Fault, ...], directory: Path, seed: int, *, hears: bool = False
) -> None:
    """Run every scenario with those faults; each of them must have been taken, and each outcome be right."""
    print(f"ACADEMY_FAULTS_SEED={seed}")  # pytest shows it with what fails
    injected = Faults(FaultPlan(faults, seed))
    async with running(academy, placement, directory=directory, faults=injected) as application:
        resolving = Resolving(
            application, unbegun=UNBEGUN, doubtful=DOUBTFUL, queries=(*UNBEGUN, *DOUBTFUL), patience=0.25
        )
        for scenario in ORDER:
            await scenario(resolving)
        if hears:
            async with asyncio.TaskGroup() as group:
                for scenario in HEARING:
                    group.create_task(scenario(resolving))
    assert set(injected.taken) == {fault.name for fault in faults}, f"seed {seed}: {injected.report()}"
    if any(isinstance(fault.what, Failure | Refusal | Drop) for fault in faults):
        assert resolving.doubts, "nobody has noticed anything"


def cases(placements: Mapping[Placement, Mapping[str, Fault]]) -> list[object]:
    return [
        pytest.param(placement, fault, id=f"{placement.value}-{name}")
        for placement, faults in placements.items()
        for name, fault in faults.items()
    ]


def test_no_scenario_and_no_fault_is_forgotten() -> None:
    """Whoever adds one is reminded of this file."""
    for module, scenarios in ((test_learning, ORDER), (test_hearing, HEARING)):
        assert set(scenarios) == {it for name, it in vars(module).items() if name.startswith("test_")}
    assert {type(fault.what) for fault in EVERY.values()} == {Latency, Failure, Refusal, Drop, Cut, Slow}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("place", "fault"), cases({**dict.fromkeys(NEAR, ON_EVERY_EDGE), Placement.MEMORY: EVERY}))
async def test_the_scenarios_pass_under_each_fault(
    academy: App, place: Placement, fault: Fault, tmp_path: Path
) -> None:
    """Nothing is wrong, nothing is done twice, and whoever was in doubt found out."""
    await go_through(academy, place, (fault,), tmp_path, chosen_seed(), hears=place is Placement.MEMORY)


@pytest.mark.timeout(180)
async def test_the_scenarios_pass_among_processes_under_all_faults_at_once(academy: App, tmp_path: Path) -> None:
    """Each process injects its share, with the same seed."""
    await go_through(academy, Placement.PROCESSES, BAD_DAY, tmp_path, chosen_seed(), hears=True)


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize("times", range(3))
@pytest.mark.parametrize(("place", "fault"), cases(dict.fromkeys(Placement, ON_EVERY_EDGE)))
async def test_each_fault_with_many_seeds(
    academy: App, place: Placement, fault: Fault, times: int, tmp_path: Path
) -> None:
    """The same, for longer."""
    await go_through(academy, place, (fault,), tmp_path, chosen_seed(), hears=True)


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize("times", range(3))
@pytest.mark.parametrize(
    ("place", "fault"), cases({Placement.MEMORY: OVER_THE_WIRE, Placement.PROCESSES: OVER_THE_WIRE})
)
async def test_each_fault_of_the_wire_with_many_seeds(
    academy: App, place: Placement, fault: Fault, times: int, tmp_path: Path
) -> None:
    """Where there is a wire."""
    await go_through(academy, place, (fault,), tmp_path, chosen_seed(), hears=True)
