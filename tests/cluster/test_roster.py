"""Who is there, as far as was heard: pure."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freestone.cluster import Announcement, Roster
from freestone.cluster.announcement import decode, encode
from freestone.cluster.roster import SILENCE, TICK

HERE = Announcement("catalog", "1", ("tcp://10.0.0.1:7000",))


def listen(roster: Roster, start: float, seconds: float, connected: bool = True) -> float:
    now = start
    while now < start + seconds:
        now += TICK
        roster.tick(now, connected)
    return now


def test_a_process_is_found_where_it_says() -> None:
    """And a second replica beside it."""
    roster = Roster()
    assert roster.hear(HERE)
    assert not roster.hear(HERE)
    assert roster.hear(Announcement("catalog", "2", ("tcp://10.0.0.2:7000",)))
    assert [str(each) for each in roster.addresses("catalog")] == ["tcp://10.0.0.1:7000", "tcp://10.0.0.2:7000"]
    assert roster.leave("1")
    assert not roster.leave("1")
    assert [str(each) for each in roster.addresses("catalog")] == ["tcp://10.0.0.2:7000"]


def test_a_process_that_is_not_heard_is_gone() -> None:
    """After six seconds of listening."""
    roster = Roster()
    roster.hear(HERE)
    now = listen(roster, 0, SILENCE - TICK)
    assert roster.addresses("catalog")
    listen(roster, now, 2 * TICK)
    assert not roster.addresses("catalog")
    assert roster.has_known("catalog")
    assert not roster.has_known("identity")


def test_nobody_is_given_up_while_nats_is_away() -> None:
    """The last known addresses stay, and everybody has the whole time again afterwards."""
    roster = Roster()
    roster.hear(HERE)
    now = listen(roster, 0, SILENCE - TICK)
    now = listen(roster, now, 1000, connected=False)
    roster.forgive()
    listen(roster, now, SILENCE - TICK)
    assert roster.addresses("catalog")


@given(st.lists(st.floats(0, 1e6), max_size=3))
def test_nobody_is_given_up_because_this_process_was_stopped(leaps: list[float]) -> None:
    """However long: what was not listened to was not missed."""
    roster = Roster()
    now = 0.0
    roster.tick(now, True)
    roster.hear(HERE)
    for leap in leaps:
        now += leap
        assert not roster.tick(now, True)


@given(st.binary(max_size=200))
def test_what_is_no_announcement_is_none(data: bytes) -> None:
    """Anybody may publish anything."""
    found = decode(data)
    assert found is None or isinstance(found, Announcement)


def test_an_announcement_comes_as_it_was_sent() -> None:
    """But addresses that mean nothing elsewhere are not dialled."""
    there = Announcement("catalog", "1", ("unix:///a", "memory://a", "nonsense", "tcp://10.0.0.1:7000"))
    found = decode(encode(there))
    assert found == there
    assert [str(address) for address in there.reached_at()] == ["tcp://10.0.0.1:7000"]
