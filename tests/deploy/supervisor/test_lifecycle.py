"""The table of a replica's life."""

from __future__ import annotations

import pytest

from freestone.deploy.supervisor.lifecycle import LIVE, SETTLED, TRANSITIONS, Action, Event, State


def test_every_state_but_failed_can_be_left() -> None:
    """Only a replica that can't be started stays as it is."""
    left = {state for state, _ in TRANSITIONS}
    assert set(State) - left == {State.FAILED}


def test_every_state_can_be_reached() -> None:
    """There is no state that no event leads to."""
    assert {state for state, _ in TRANSITIONS.values()} == set(State)


@pytest.mark.parametrize("state", sorted(LIVE))
def test_the_end_of_a_process_is_heard_in_every_state_that_has_one(state: State) -> None:
    """A process can end at any time; the replica then has none, and knows."""
    for event in (Event.EXITED, Event.REFUSED):
        after, _ = TRANSITIONS[state, event]
        assert after not in LIVE


@pytest.mark.parametrize("state", sorted(set(State) - LIVE))
def test_no_process_ends_where_there_is_none(state: State) -> None:
    """The states without a process do not know its exit."""
    assert (state, Event.EXITED) not in TRANSITIONS


def test_a_process_is_spawned_only_where_there_is_none() -> None:
    """No replica ever has two processes."""
    for (before, _), (after, action) in TRANSITIONS.items():
        if action is Action.SPAWN:
            assert before not in LIVE
            assert after is State.STARTING


def test_killing_ends_every_unsettled_state() -> None:
    """From wherever a replica is, one event leads to its end."""
    for state in set(State) - SETTLED - {State.KILLING}:
        after, _ = TRANSITIONS[state, Event.KILL]
        assert after in {State.KILLING, State.STOPPED}
