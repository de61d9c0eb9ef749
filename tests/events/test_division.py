"""What is known to be done of a log stays true when its keys are divided into another number of partitions."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from freestone.events import Cursor
from freestone.events.division import Done, divided

PARTITIONS = st.sampled_from([1, 2, 4, 8, 16, 32, 64])


@st.composite
def notes(draw: st.DrawFn) -> Done:
    partitions = draw(PARTITIONS)
    partition = draw(st.integers(0, partitions - 1))
    return Done(
        partition, partitions, Cursor(draw(st.sampled_from(["log", "log", "another"])), draw(st.integers(0, 9)))
    )


@given(st.lists(notes(), max_size=20), PARTITIONS)
def test_no_partition_is_further_than_each_of_its_keys(known: list[Done], partitions: int) -> None:
    """Whatever was noted of each key, under whatever number: nothing that is open is passed over."""
    for partition, cursor in divided(known, partitions).items():
        for part in range(partition, 64, partitions):
            noted = [it.cursor for it in known if part % it.partitions == it.partition]
            assert cursor.position <= max(it.position for it in noted)
            assert {it.log for it in noted} == {cursor.log}


@given(st.dictionaries(st.integers(0, 7), st.integers(0, 99)))
def test_the_same_number_changes_nothing(positions: dict[int, int]) -> None:
    """What is known of each is what was noted of it."""
    known = [Done(partition, 8, Cursor("log", position)) for partition, position in positions.items()]
    assert {it: cursor.position for it, cursor in divided(known, 8).items()} == positions


@given(PARTITIONS, PARTITIONS, st.data())
def test_nothing_is_forgotten_where_all_is_known(before: int, after: int, data: st.DataObject) -> None:
    """A partition that was cut keeps its place in each piece; of several that are one now, the nearest counts."""
    places = [data.draw(st.integers(0, 99)) for _ in range(before)]
    known = [Done(partition, before, Cursor("log", place)) for partition, place in enumerate(places)]
    found = divided(known, after)
    for partition in range(after):
        merged = range(partition % math.gcd(before, after), before, math.gcd(before, after))
        expected = min(places[it] for it in merged) if before > after else places[partition % before]
        assert found[partition].position == expected
