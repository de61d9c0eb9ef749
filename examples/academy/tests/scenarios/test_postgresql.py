"""Academy on PostgreSQL, a schema and a role each service: what is done and heard there is the same."""

from __future__ import annotations

import pytest

from freestone.testing.postgres import PostgresServer

from .test_hearing import test_a_finished_phase_is_written_about as test_a_finished_phase_is_written_about
from .test_hearing import test_what_is_taught_can_be_found as test_what_is_taught_can_be_found
from .test_learning import test_a_learner_finishes_the_path as test_a_learner_finishes_the_path
from .test_learning import test_commands_side_by_side_are_all_kept as test_commands_side_by_side_are_all_kept
from .test_learning import test_learners_sign_up_in_and_out as test_learners_sign_up_in_and_out
from .test_learning import (
    test_the_same_command_side_by_side_takes_effect_once as test_the_same_command_side_by_side_takes_effect_once,
)

pytestmark = [pytest.mark.placements("local"), pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture
async def freestone_data(freestone_postgres: PostgresServer) -> str:
    """An empty database for each test, in which the services make their roles and schemas, and migrate."""
    return await freestone_postgres.create_database()
