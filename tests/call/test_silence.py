"""When a peer that says nothing is asked, doubted and lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.call.silence import Sign, Silence, period
from freestone.wire import Limits

LIMITS = Limits()
EACH = period(LIMITS)


def looks(silence: Silence, *heard: bool) -> list[Sign | None]:
    return [silence.look(it) for it in heard]


def test_a_peer_is_asked_then_doubted_then_lost() -> None:
    """Each once."""
    silence = Silence(Limits(ping=4, idle=9, handshake=8, frame_time=8), first=True)  # a look a second
    said = looks(silence, *[False] * 9)
    assert said == [None, None, None, Sign.ASK, None, None, None, Sign.DOUBT, Sign.LOST]


def test_the_end_that_is_not_the_first_asks_a_look_later() -> None:
    """By then it has heard the other's ping, if there is another."""
    first, second = Silence(LIMITS, first=True), Silence(LIMITS, first=False)
    asked = [looks(it, *[False] * 18).index(Sign.ASK) for it in (first, second)]
    assert asked[1] == asked[0] + 1


def test_any_sign_of_life_begins_it_all_again() -> None:
    """As if nothing had been."""
    silence = Silence(LIMITS, first=True)
    for _ in range(3):
        assert looks(silence, *[False] * 5)[3:] == [Sign.ASK, None]
        assert silence.look(heard=True) is None


def test_a_peer_in_doubt_that_gives_a_sign_of_life_is_back() -> None:
    """Which is said once."""
    silence = Silence(LIMITS, first=True)
    looks(silence, *[False] * 8)
    assert silence.doubted
    assert looks(silence, True, True) == [Sign.BACK, None]
    assert not silence.doubted


def test_a_peer_is_asked_before_it_is_lost_whatever_the_limits() -> None:
    """Even where the limits leave no room."""
    silence = Silence(Limits(ping=1.0, idle=1.01), first=False)
    assert looks(silence, *[False] * 6) == [None, None, None, None, Sign.ASK, Sign.LOST]


@pytest.mark.parametrize("first", [True, False])
@given(phase=st.floats(0, 1))
def test_a_dead_peer_is_found_within_five_seconds(first: bool, phase: float) -> None:
    """Of its last sign of life, wherever between two looks that was."""
    silence, at = Silence(LIMITS, first=first), phase * EACH
    sign = silence.look(heard=True)
    while sign is not Sign.LOST:
        at += EACH
        sign = silence.look(heard=False)
    assert at < 5 - EACH / 2  # so much is left for a loop that is late


@pytest.mark.parametrize("first", [True, False])
@given(busy_from=st.floats(0, 3), phase=st.floats(0, 1), other=st.floats(0, 1))
def test_a_peer_that_is_busy_for_three_seconds_is_not_lost(
    first: bool, busy_from: float, phase: float, other: float
) -> None:
    """Whenever that begins: it answers, late, and asks by itself when it has said nothing for long."""
    here, there = Silence(LIMITS, first=first), Silence(LIMITS, first=not first)
    heard, asked, said = True, False, True  # by this end; this end by the other; by the other
    events = sorted([(phase * EACH + n * EACH, "here") for n in range(40)]
                    + [(other * EACH + n * EACH, "there") for n in range(40)])  # fmt: skip
    for now, end in events:
        busy = busy_from <= now < busy_from + 3
        if end == "here":
            sign = here.look(heard)
            assert sign is not Sign.LOST, now
            heard, asked = False, asked or sign is Sign.ASK
        elif not busy and there.look(said) is Sign.ASK:
            heard = True
        if end == "there":
            said = False if not busy else said
        if asked and not busy:
            heard, asked, said = True, False, True
